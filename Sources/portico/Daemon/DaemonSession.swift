import ArgumentParser
import EventLoop
import Glibc
import Host
import Logging
import Manifests
import Proxy
import Redirect
import Relay
import Services

/// One run of `portico daemon`: puts the parts together, lets ``DaemonLoop`` work until it is to end, and sees to an orderly
/// end.
struct DaemonSession {
    let settings: NodeSettings
    let options: DaemonOptions
    let feed: ManifestFeed
    let problems: ProblemTeller
    let report: NodeReport
    let logger: Logger
    /// Nil leaves the firewall alone.
    let iptables: Iptables?
    let manager = ServiceManager.current

    /// Serves until a signal ends it, or another process has taken over.
    ///
    /// - Throws: ``CommandFailure`` if there is nothing to serve, or a running process cannot be taken over from; `ExitCode` on
    ///   a second signal.
    func run() async throws {
        let start = ContinuousClock.now
        let reports = RelayReports()
        // Standard input may take its time: until there is something to end in an orderly way, a signal just ends it.
        let first = try await feed.load()
        let signals = try SignalStream([SIGINT, SIGTERM, SIGHUP])
        let relay = try Relay(.ofThisMachine(udpTimeout: options.udpTimeout)) { reports.take($0) }
        let narration = Task { await reports.narrate(logger) }
        let proxy = NodeProxy(relay: relay, settings: settings, iptables: iptables)
        let succession = Succession(path: options.takeover, relay: relay, logger: logger)
        try await succession.inherit(for: proxy)

        let (wakes, wake) = AsyncStream.makeStream(of: DaemonWake.self)
        wake.yield(.state(first.state))
        let keeper = RuleKeeper(proxy: proxy, minPeriod: options.minSyncPeriod)
        let rules = Task { await keeper.run { wake.yield(.redirected($0)) } }
        // Signals are heard to the end: a second one cuts the drain short.
        let hearing = Task {
            for await signal in signals.signals { wake.yield(signal == SIGHUP ? .reload : .signal(signal)) }
        }
        defer { hearing.cancel() }
        let feeds = [
            Task { await feed.follow(first) { wake.yield(.state($0)) } },
            Task { while (try? await Task.sleep(for: options.syncPeriod)) != nil { wake.yield(.period) } },
            Task { if iptables != nil { await keeper.watch(logger) } },
            Task { await keepAlive() },
        ]
        let health = try DaemonHealth(
            at: options.healthAddress, families: IPAddress.Family.allCases, syncPeriod: options.syncPeriod,
            isShared: options.takeover != nil, problems: problems.board)
        var loop = DaemonLoop(
            proxy: proxy, feed: feed, keeper: keeper, health: health, report: report, problems: problems, logger: logger
        ) {
            await succession.takeOver { wake.yield(.succeeded) }
            report.listening($0, $1, after: ContinuousClock.now - start)
            manager.ready(mainPID: getpid())
        }
        let end = await loop.run(wakes)
        for feed in feeds + [rules] { feed.cancel() }

        switch end {
        case .signal:
            manager.stopping()
            await succession.close()
            // Rules are those of the process that serves.
            if options.cleanupOnExit, await !succession.isUnconfirmed {
                await rules.value
                for error in await proxy.removeRules() { logger.error("rules are left: \(error)") }
            }
        case .succession:
            logger.notice("another process has taken over; open connections may end in their own time")
            health.close()
            // A change of the rules that is under way may still open doors.
            await rules.value
            await relay.letGo()
        }
        let second = await GracefulEnd.drain(relay, within: options.drainTimeout, logger: logger) {
            for await wake in wakes { if case .signal(let number) = wake { return number } }
            return nil
        }
        health.close()
        let snapshot = await relay.snapshot()
        await relay.stop()
        reports.finish()
        await narration.value
        report.summary(snapshot)
        signals.close()
        if let second { throw ExitCode(128 + second) }
    }

    /// Tells the service manager that this process lives, as often as it wants to hear it.
    private func keepAlive() async {
        guard let interval = manager.watchdogInterval else { return }
        while (try? await Task.sleep(for: interval)) != nil { manager.ping() }
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
    /// Of `/healthz`; nil for none.
    var healthAddress: EndpointAddress?
    /// Where listening sockets are handed from one process to the next; nil for nowhere.
    var takeover: String?
}
