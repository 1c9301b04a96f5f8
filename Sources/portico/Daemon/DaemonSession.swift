import ArgumentParser
import Base
import EventLoop
import Glibc
import Host
import Logging
import Manifests
import Proxy
import Redirect
import Relay
import Resolution
import Status

/// One run of `portico daemon`: puts the parts together, lets ``DaemonLoop`` work until it is to end, and sees to an orderly
/// end.
struct DaemonSession {
    let settings: NodeSettings
    let options: DaemonOptions
    let feed: ManifestFeed
    let teller: StatusTeller
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
        // Whoever takes over gets it from the process that has it now.
        var lock = options.takeover == nil ? try lock() : nil
        let relay = try Relay(.ofThisMachine(udpTimeout: options.udpTimeout)) { reports.take($0) }
        let narration = Task { await reports.narrate(logger) }
        let backEnd = iptables.map {
            IptablesRedirect($0, families: settings.redirectedFamilies, watch: FirewallWatch($0.kind))
        }
        let proxy = NodeProxy(relay: relay, settings: settings, backEnd: backEnd)
        let succession = Succession(
            path: options.takeover, isForced: options.isTakeoverForced, relay: relay, logger: logger)
        let isSuccessor = try await succession.inherit(for: proxy) { doors throws(CommandFailure) in
            if !doors.isEmpty { try checkWorthTakingOver(first) }
        }
        if lock == nil, !isSuccessor { lock = try self.lock() }

        let (wakes, wake) = AsyncStream.makeStream(of: DaemonWake.self)
        var objects = KnownObjects()
        wake.yield(.changes(objects.changes(to: first.state)))
        let keeper = RuleKeeper(
            proxy: proxy, minPeriod: options.minSyncPeriod, watch: backEnd?.watch, logger: logger)
        let rules = Task { await keeper.run { wake.yield(.redirected($0)) } }
        // Signals are heard to the end: a second one cuts the drain short.
        let hearing = Task {
            for await signal in signals.signals { wake.yield(signal == SIGHUP ? .reload : .signal(signal)) }
        }
        defer { hearing.cancel() }
        let feeds = [
            Task { await feed.follow(first.state) { wake.yield(.changes($0)) } },
            Task { while (try? await Task.sleep(for: options.syncPeriod)) != nil { wake.yield(.period) } },
            Task { await keeper.heal() },
            Task { await watchAddresses { wake.yield(.addresses) } },
            Task { await keepAlive() },
        ]
        let health = try DaemonHealth(
            at: options.healthAddress, families: IPAddress.Family.allCases, syncPeriod: options.syncPeriod,
            isShared: options.takeover != nil, status: teller.board, budget: relay.budget)
        var loop = DaemonLoop(
            proxy: proxy, feed: feed, keeper: keeper, health: health, report: report, teller: teller, logger: logger
        ) {
            await succession.takeOver { wake.yield(.succeeded) }
            if lock == nil { lock = await lockAfterSuccession() }
            report.listening(
                $0, $1, problems: teller.board.read { $0.problems }, after: ContinuousClock.now - start)
            manager.ready(mainPID: getpid())
        }
        let end = await loop.run(wakes)
        for feed in feeds + [rules] { feed.cancel() }

        let limits: [Duration?]
        switch end {
        case .signal:
            manager.stopping()
            // Another process that serves still answers at the same ports, and is not about to end.
            if await succession.isUnconfirmed { health.close() }
            teller.update { $0.enter(.draining) }
            await succession.close()
            // Rules are those of the process that serves.
            if options.cleanupOnExit, await !succession.isUnconfirmed {
                await rules.value
                for error in await proxy.removeRules() { logger.error("rules are left: \(error)") }
            }
            limits = [options.drainTimeout]
        case .succession:
            logger.notice("another process has taken over; open connections may end in their own time")
            health.close()
            // A change of the rules that is under way may still open doors.
            await rules.value
            await relay.letGo()
            limits = [options.takeoverDrainTimeout, options.drainTimeout]
        }
        // Rules and doors are nobody's, or another's, from here on.
        lock?.release()
        let second = await GracefulEnd.drain(relay, within: limits, logger: logger) {
            for await wake in wakes { if case .signal(let number) = wake { return number } }
            return nil
        }
        health.close()
        let snapshot = relay.snapshot()
        await relay.stop()
        reports.finish()
        await narration.value
        report.summary(snapshot)
        signals.close()
        if let second { throw ExitCode(128 + second) }
    }

    /// - Throws: ``CommandFailure`` if another process is this machine's service proxy.
    private func lock() throws(CommandFailure) -> DaemonLock? {
        do throws(DaemonLock.Failure) {
            return try DaemonLock()
        } catch .held(let process) {
            let who = process.map { "process \($0)" } ?? "another process"
            let advice =
                options.takeover.map { "and does not hand over at \($0); end it first" }
                ?? "end it first, or take its place with --takeover, if it was started with that"
            throw CommandFailure("\(who) is the service proxy of this machine; \(advice)")
        } catch {
            logger.warning("a second daemon would not be noticed: \(error)")
            return nil
        }
    }

    /// The former process gives it up in a moment.
    private func lockAfterSuccession() async -> DaemonLock? {
        for _ in 0..<100 {
            do throws(DaemonLock.Failure) {
                return try DaemonLock()
            } catch .held {
                try? await Task.sleep(for: .milliseconds(50))
            } catch {
                break
            }
        }
        logger.warning(
            "a second daemon would not be noticed: the former process does not let go of its lock")
        return nil
    }

    /// - Throws: ``CommandFailure`` where taking over would take down what is served.
    private func checkWorthTakingOver(_ first: ManifestResult) throws(CommandFailure) {
        guard !options.allowsEmpty else { return }
        let advice = "the other process goes on; --allow-empty takes over all the same"
        guard !first.isPartial else {
            throw CommandFailure("not all manifests can be read, and their Services would be gone: \(advice)")
        }
        guard first.state.services.isEmpty else { return }
        throw CommandFailure("the manifests have no Service, and the other process serves some: \(advice)")
    }

    /// Tells whenever the kernel says that interfaces or their addresses have changed, until the task is cancelled.
    private func watchAddresses(_ changed: () -> Void) async {
        guard let watch = try? KernelNews(.addresses) else { return }
        for await _ in watch.news {
            changed()
            // They come in several at once, with a network plug-in at work in many.
            try? await Task.sleep(for: .milliseconds(100))
        }
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
    /// The same once another process has taken over; nil for no limit.
    var takeoverDrainTimeout: Duration?
    /// How long UDP flows may be silent; nil if that follows what they do.
    var udpTimeout: Duration?
    var cleanupOnExit: Bool
    /// Of `/healthz`; nil for none.
    var healthAddress: EndpointAddress?
    /// Where listening sockets are handed from one process to the next; nil for nowhere.
    var takeover: String?
    /// A process that does not answer there is killed.
    var isTakeoverForced: Bool
    /// Whether others are taken over from with nothing to serve.
    var allowsEmpty: Bool
}
