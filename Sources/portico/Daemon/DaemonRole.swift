import Admin
import Base
import Cluster
import Glibc
import HTTP
import Host
import Logging
import Objects
import Proxy
import Redirect
import Relay
import Status

/// What `portico daemon` does in its session: keeps the relay in step at once, asks for the rules to follow, and hands
/// over to the process after it.
struct DaemonRole: SessionRole {
    let settings: NodeSettings
    let options: DaemonOptions
    /// Nil leaves the firewall alone.
    let iptables: Iptables?
    let restart: Restart
    /// Counts how it goes.
    let meter: SyncMeter
    let desk: AdminDesk
    let manager = ServiceManager.current

    /// What works once the session has begun.
    struct Parts {
        let tools: SessionTools<Event>
        let proxy: NodeProxy
        let keeper: RuleKeeper
        let health: DaemonHealth
        let succession: Succession
        /// Brings the rules in force.
        let rules: Task<Void, Never>
        /// What wakes the daemon, and what keeps others informed.
        let feeds: [Task<Void, Never>]
    }

    var health: DaemonHealth?
    var parts: Parts?
    private var addresses = NodeAddresses()
    private var hasStarted = false
    /// This process is the one that serves, and others have been told.
    var isServing = false
    /// It was replaced, and by now nobody has its place.
    var isMissed = false
    var hasSuccessor = false
    /// Something is served that the rules have not followed yet.
    private var isAhead = false
    private var warned: Set<String> = []
    /// Nil without a cluster.
    private var identity: NodeIdentity?

    init(
        settings: NodeSettings, options: DaemonOptions, iptables: Iptables?, restart: Restart, meter: SyncMeter,
        desk: AdminDesk
    ) {
        self.settings = settings
        self.options = options
        self.iptables = iptables
        self.restart = restart
        self.meter = meter
        self.desk = desk
    }

    var rereading: String { "SIGHUP: reading everything again, and looking at the rules" }
    var retryInterval: Duration { options.syncPeriod }
    static var signals: [Int32] { [SIGINT, SIGTERM, SIGHUP] }
    static func meaning(of signal: Int32) -> SessionSignal { signal == SIGHUP ? .reload : .end(signal) }
    /// It was to end, and has ended: service managers take anything else for a failure.
    func status(endedEarlyBy signal: Int32) -> Int32 { EXIT_SUCCESS }
    /// No success: that the Node is such that this process cannot serve it, for whoever supervises it to start another;
    /// and that another process has been faster to take over.
    var exitStatus: Int32? {
        identity?.reasonToEnd != nil || isMissed || (hasSuccessor && !isServing) ? EXIT_FAILURE : nil
    }

    // MARK: Serving

    /// The kubelet asks for health from the beginning, and kills who does not answer: also while an API server is away.
    mutating func prepare(_ configuration: RelayConfiguration, _ teller: StatusTeller) throws {
        try options.readyFile?.prepare()
        let health = try DaemonHealth(
            at: options.healthAddress, families: IPAddress.Family.allCases, syncPeriod: options.syncPeriod,
            isShared: options.takeover != nil, status: teller.board, budget: configuration.budget)
        // One that takes over listens where the other one does, and not before it serves.
        if options.isHealthRequired, options.takeover == nil, let problem = health.listen().first {
            throw CommandFailure("\(problem) (--bind-address-hard-fail)")
        }
        self.health = health
        if options.isHealthRequired, options.takeover == nil { try desk.check() }
        desk.subject.seat.probes = { [counts = health.counts] probe in
            Dictionary(counts.answers(to: probe).map { (Int($0.key.rawValue), $0.value) }) { $0 + $1 }
        }
        // Who asks a process that serves is not to get the answers of one that does not yet.
        if options.takeover == nil || health.isListening { desk.begin() }
    }

    mutating func start(_ first: SourceUpdate, _ tools: SessionTools<Event>) async throws -> Bool {
        guard let health else { preconditionFailure("a role is prepared before it starts") }
        let (logger, checks) = (tools.teller.logger, StartChecks(first: first))
        if let server = settings.apiServer { try checks.independence(of: server) }
        let backEnd = iptables.map {
            IptablesRedirect(
                $0, families: settings.redirectedFamilies,
                watch: FirewallWatch($0.kind, isCarrying: settings.carriage != nil))
        }
        let proxy = NodeProxy(relay: tools.relay, settings: settings, backEnd: backEnd)
        let succession = Succession(
            path: options.takeover, isForced: options.isTakeoverForced, relay: tools.relay, logger: logger)
        try await tools.signals.unlessEnded { [options, meter] in
            try await succession.takePlace(for: proxy) { doors throws(CommandFailure) in
                if !doors.isEmpty, !options.allowsEmpty { try checks.worthTakingOver() }
                if !doors.isEmpty { meter.tookOver() }
            }
        }
        let keeper = RuleKeeper(
            proxy: proxy, minPeriod: options.minSyncPeriod, watch: backEnd?.watch, logger: logger,
            untilUndisputed: { await succession.untilUndisputed() },
            begins: { [meter] in meter.attemptBegins() })
        if options.followsCluster {
            identity = NodeIdentity(settings.nodeName, needsPodRanges: options.needsPodRanges)
        }
        parts = Parts(
            tools: tools, proxy: proxy, keeper: keeper, health: health, succession: succession,
            rules: Task { [meter] in await keeper.run { tools.wake(.redirected($0, meter.mark)) } },
            feeds: feeds(proxy, keeper, tools))
        restart.servingBegins()
        await take(first)
        return false
    }

    mutating func take(_ update: SourceUpdate) async {
        guard let parts else { return }
        // A Node that may not be read is not missing.
        identity?.isReadable = !update.unknownKinds.contains(.node)
        meter.queue(update.changes.objects.lazy.map { (id: $0.key, object: $0.value) })
        let served = await parts.proxy.serve(update.changes)
        meter.served()
        take(served, isChange: true)
        isAhead = true
        // What means nothing to the rules neither waits for them nor counts as one of their changes.
        guard let redirected = served.redirected else { return parts.keeper.request(.change) }
        if redirected.kernel.isInForce, !redirected.isToBeServed { meter.inForce() }
        await take(redirected, parts)
    }

    mutating func retry(isReread: Bool) async {
        await retry()
        parts?.keeper.request(.check)
    }

    /// Opens what could not be opened, and looks at the node's addresses, which rules have to follow.
    private mutating func retry() async {
        guard let parts else { return }
        let before = addresses
        take(await parts.proxy.retry(), isChange: false)
        if addresses != before { parts.keeper.request(.change) }
    }

    mutating func take(_ event: Event) async -> Bool {
        guard let parts else { return false }
        switch event {
        case .succeeded:
            hasSuccessor = true
            meter.wasSucceeded()
            return true
        case .addresses, .doorsDue:
            await retry()
        case .configuration(let news):
            parts.tools.teller.update { $0.replace(news.problems, of: .configuration) }
            restart.take(news, parts.tools, within: options.drainTimeout)
        case .restartDue:
            restart.want()
            return true
        case .redirected(let redirected, let mark):
            if redirected.kernel.isInForce, !redirected.isToBeServed { meter.inForce(upTo: mark) }
            await take(redirected, parts)
        case .addressesDue:
            identity?.addressesAreDue()
            await retry()
        case .podRangesDue:
            identity?.podRangesAreDue()
            return endsForNode()
        case .nodeEnds:
            return endsForNode()
        }
        return false
    }

    private func endsForNode() -> Bool {
        guard let reason = identity?.reasonToEnd else { return false }
        parts?.tools.teller.logger.error("\(reason)")
        return true
    }

    private mutating func take(_ served: NodeProxy.Served, isChange: Bool) {
        guard let parts else { return }
        var served = served
        if let news = identity?.update(&served) { parts.tools.teller.logger.notice("\(news)") }
        if identity?.reasonToEnd != nil { parts.tools.wake(.nodeEnds) }
        addresses = served.addresses
        parts.tools.teller.update { $0.update(served) }
        warn(served.warnings)
        let unheard = parts.health.update(served, isChange: isChange)
        parts.tools.teller.update { $0.replace(unheard, of: .health) }
    }

    private mutating func take(_ redirected: NodeProxy.Redirected, _ parts: Parts) async {
        let (kernel, teller) = (redirected.kernel, parts.tools.teller)
        // Where nothing had to be looked at, nothing was attempted.
        if !hasStarted || kernel.duration > .zero || !kernel.isInForce { meter.attempted(SyncMeter.Attempt(kernel)) }
        parts.health.update(kernel)
        for change in kernel.changes { teller.logger.info("\(change)") }
        warn(kernel.warnings)
        if !kernel.isInForce { parts.keeper.retryLater() }

        teller.update { $0.update(kernel, isAwaited: !hasStarted || isAhead) }
        isAhead = isAhead && !kernel.isInForce
        if redirected.isToBeServed {
            // What rules no longer lead to may be dialled from now on.
            take(await parts.proxy.retry(), isChange: true)
            isAhead = true
            parts.keeper.request(.change)
        }
        guard !hasStarted else { return }
        hasStarted = true
        guard await parts.succession.takeOver(succeeded: { [tools = parts.tools] in tools.wake(.succeeded) }) else {
            return
        }
        isServing = true
        desk.begin()
        if options.takeover != nil {
            retryDoors(parts.tools)
            // Of another mode, and written in the last moment.
            await parts.proxy.expectLeftovers()
            parts.keeper.request(.check)
        }
        teller.update { $0.enter(.serving) }
        do throws(SystemError) {
            try options.readyFile?.appear()
        } catch {
            teller.logger.error("--ready-file: \(error)")
        }
        manager.ready(mainPID: getpid())
    }

    /// What is missing is missing at every change, and said once.
    private mutating func warn(_ warnings: [String]) {
        for warning in warnings where warned.insert(warning).inserted {
            parts?.tools.teller.logger.warning("\(warning)")
        }
    }
}
