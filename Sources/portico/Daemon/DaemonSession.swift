import ArgumentParser
import EventLoop
import Glibc
import Logging
import Manifests
import Proxy
import Redirect
import Relay
import Services

/// One run of `portico daemon`: puts the parts together, lets ``DaemonLoop`` work until it is to end, and sees to an orderly
/// end.
struct DaemonSession {
    /// Log lines that may wait for a slow terminal; older ones are dropped, never the relay slowed.
    private static let mostWaiting = 8192

    let settings: NodeSettings
    let options: DaemonOptions
    let feed: ManifestFeed
    let report: NodeReport
    let logger: Logger
    /// Nil leaves the firewall alone.
    let iptables: Iptables?

    /// Serves until a signal ends it.
    ///
    /// - Throws: ``CommandFailure`` if there is nothing to serve; `ExitCode` on a second signal.
    func run() async throws {
        let start = ContinuousClock.now
        let signals = try SignalStream([SIGINT, SIGTERM])
        let (events, event) = AsyncStream.makeStream(
            of: RelayEvent.self, bufferingPolicy: .bufferingNewest(Self.mostWaiting))
        let first = try await feed.load()
        let relay = try Relay(configuration) { event.yield($0) }
        let narration = Task { await narrate(events) }
        let proxy = NodeProxy(relay: relay, settings: settings, iptables: iptables)

        let (wakes, wake) = AsyncStream.makeStream(of: DaemonWake.self)
        let keeper = RuleKeeper(proxy: proxy, minPeriod: options.minSyncPeriod)
        let feeds = [
            Task { for await signal in signals.signals { wake.yield(.signal(signal)) } },
            Task { await feed.follow(first) { wake.yield(.state($0)) } },
            Task { while (try? await Task.sleep(for: options.syncPeriod)) != nil { wake.yield(.period) } },
            Task { await keeper.run { wake.yield(.redirected($0)) } },
            Task { if iptables != nil { await keeper.watch(logger) } },
        ]
        wake.yield(.state(first.state))
        var loop = DaemonLoop(proxy: proxy, keeper: keeper, report: report, logger: logger, start: start)
        for await wake in wakes { guard await loop.handle(wake) else { break } }
        for feed in feeds { feed.cancel() }

        if options.cleanupOnExit {
            for error in await proxy.removeRules() { logger.error("rules are left: \(error)") }
        }
        let second = await GracefulEnd.drain(relay, within: options.drainTimeout, logger: logger) {
            for await wake in wakes { if case .signal(let number) = wake { return number } }
            return nil
        }
        let snapshot = await relay.snapshot()
        await relay.stop()
        event.finish()
        await narration.value
        report.summary(snapshot)
        signals.close()
        if let second { throw ExitCode(128 + second) }
    }

    private var configuration: RelayConfiguration {
        var configuration = RelayConfiguration(
            workers: sysconf(Int32(_SC_NPROCESSORS_ONLN)),
            budget: DescriptorBudget(limit: ResourceLimits.raiseDescriptorLimit()))
        configuration.udpTimeout = options.udpTimeout.map { UInt64($0 / .milliseconds(1)) }
        return configuration
    }

    private func narrate(_ events: AsyncStream<RelayEvent>) async {
        var narrator = RelayNarrator(logger: logger)
        for await event in events { narrator.tell(event) }
    }
}

/// How the daemon lives, apart from what it serves; fixed at start.
struct DaemonOptions: Sendable {
    var syncPeriod: Duration
    var minSyncPeriod: Duration
    var drainTimeout: Duration
    /// How long UDP flows may be silent; nil if that follows what they do.
    var udpTimeout: Duration?
    var cleanupOnExit: Bool
}
