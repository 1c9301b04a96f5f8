import ArgumentParser
import EventLoop
import Glibc
import Logging
import Manifests
import Proxy
import Redirect
import Relay
import Services

/// One run of `portico daemon`. States, signals and the clock wake one loop, which keeps the relay in step; the rules follow
/// in a task of their own, at their own pace, because iptables may be locked by others for seconds.
struct DaemonSession {
    /// What a session wakes up for.
    private enum Wake: Sendable {
        case state(ClusterState)
        case redirected(NodeProxy.Redirected)
        case signal(Int32)
        /// Time to try again what did not work, and to look whether the rules are still there.
        case period
    }

    /// What the rules are to be looked at for.
    private enum RuleRequest: Sendable {
        case change, check
    }

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
        let clock = ContinuousClock()
        let start = clock.now
        let signals = try SignalStream([SIGINT, SIGTERM])
        let (wakes, wake) = AsyncStream.makeStream(of: Wake.self)
        let (events, event) = AsyncStream.makeStream(
            of: RelayEvent.self, bufferingPolicy: .bufferingNewest(Self.mostWaiting))
        var configuration = RelayConfiguration(
            workers: sysconf(Int32(_SC_NPROCESSORS_ONLN)),
            budget: DescriptorBudget(limit: ResourceLimits.raiseDescriptorLimit()))
        configuration.udpTimeout = options.udpTimeout.map { UInt64($0 / .milliseconds(1)) }
        let first = try await feed.load()
        let relay = try Relay(configuration) { event.yield($0) }
        let narration = Task { await narrate(events) }
        let proxy = NodeProxy(relay: relay, settings: settings, iptables: iptables)

        let served = await proxy.serve(first.state)
        tell(served)
        let redirected = await proxy.redirect()
        tell(redirected)
        report.listening(served, redirected, after: clock.now - start)

        let (requests, request) = AsyncStream.makeStream(of: RuleRequest.self, bufferingPolicy: .bufferingNewest(1))
        let feeds = [
            Task { for await signal in signals.signals { wake.yield(.signal(signal)) } },
            Task { await feed.follow(first) { wake.yield(.state($0)) } },
            Task { while (try? await Task.sleep(for: options.syncPeriod)) != nil { wake.yield(.period) } },
            Task { await keepRules(proxy, requests) { wake.yield(.redirected($0)) } },
        ]
        await serve(wakes, proxy, served) { request.yield($0) }
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
    /// Deals with wakes until a signal says to end.
    ///
    /// - Parameter request: asks for the rules to follow; of several requests that wait, the latest counts.
    private func serve(
        _ wakes: AsyncStream<Wake>, _ proxy: NodeProxy, _ initial: NodeProxy.Served,
        _ request: (RuleRequest) -> Void
    ) async {
        var served = initial
        for await wake in wakes {
            let before = served
            switch wake {
            case .signal:
                return
            case .state(let state):
                served = await proxy.serve(state)
                request(.change)
            case .period:
                served = await proxy.retry()
                request(.check)
            case .redirected(let redirected):
                tell(redirected)
                if redirected.hasChanged { report.changed(served, redirected) }
            }
            tell(served, since: before)
        }
    }

    /// Carries out what is asked for, one after another and not too often.
    private func keepRules(
        _ proxy: NodeProxy, _ requests: AsyncStream<RuleRequest>, _ done: (NodeProxy.Redirected) -> Void
    ) async {
        let clock = ContinuousClock()
        var pacer = SyncPacer(period: options.minSyncPeriod)
        for await request in requests {
            try? await Task.sleep(for: pacer.wait(at: clock.now))
            pacer.began(at: clock.now)
            done(await proxy.redirect(checking: request == .check))
        }
    }

    private func narrate(_ events: AsyncStream<RelayEvent>) async {
        var narrator = RelayNarrator(logger: logger)
        for await event in events { narrator.tell(event) }
    }

    private func tell(_ served: NodeProxy.Served, since before: NodeProxy.Served? = nil) {
        for problem in served.problems where before?.problems.contains(problem) != true { logger.error("\(problem)") }
        for note in served.notes where before?.notes.contains(note) != true { logger.info("\(note)") }
    }

    private func tell(_ redirected: NodeProxy.Redirected) {
        for (family, outcome) in redirected.outcomes.sorted(by: { $0.key < $1.key }) {
            switch outcome {
            case .failure(let error):
                logger.error("the rules for \(family) are not in force, and will be tried again: \(error)")
            case .success(.applied(let lines, _)):
                logger.info("the rules for \(family) have changed: \(lines) lines")
            case .success(.unchanged):
                break
            }
        }
        for warning in redirected.warnings { logger.warning("\(warning)") }
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
