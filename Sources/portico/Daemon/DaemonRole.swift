import Base
import Cluster
import EventLoop
import Glibc
import Host
import KubernetesAPI
import Logging
import Objects
import Proxy
import Redirect
import Relay
import Resolution
import Status

/// What `portico daemon` does in its session: keeps the relay in step at once, asks for the rules to follow, and hands over to the
/// process after it.
struct DaemonRole: SessionRole {
    enum Event: Sendable {
        /// The rules have followed, or could not.
        case redirected(NodeProxy.Redirected)
        /// Interfaces of this machine or their addresses have changed.
        case addresses
        /// Another process has taken over.
        case succeeded
        /// The configuration file says something else.
        case configuration(ConfigurationWatch.News)
        /// It is time to start anew with it.
        case restartDue
        /// The Node has had its time to get addresses.
        case addressesDue
        /// The Node has had its time to get ranges for its pods.
        case podRangesDue
        /// The Node is such that this process has to end.
        case nodeEnds
    }

    let settings: NodeSettings
    let options: DaemonOptions
    /// Nil leaves the firewall alone.
    let iptables: Iptables?
    let restart: Restart
    private let manager = ServiceManager.current

    /// What works once the session has begun.
    private struct Parts {
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

    private var health: DaemonHealth?
    private var parts: Parts?
    private var lock: DaemonLock?
    private var addresses = NodeAddresses()
    private var hasStarted = false
    /// This process is the one that serves, and others have been told.
    private var isServing = false
    private var hasSuccessor = false
    /// Something is served that the rules have not followed yet.
    private var isAhead = false
    private var warned: Set<String> = []
    /// Nil without a cluster.
    private var identity: NodeIdentity?
    /// Waits for the moment to start anew with another configuration.
    private var restarting: Task<Void, Never>?
    /// The Node is such that this process cannot serve it.
    private var hasToEnd = false

    init(settings: NodeSettings, options: DaemonOptions, iptables: Iptables?, restart: Restart) {
        self.settings = settings
        self.options = options
        self.iptables = iptables
        self.restart = restart
    }

    var rereading: String { "SIGHUP: reading everything again, and looking at the rules" }
    var retryInterval: Duration { options.syncPeriod }
    var signals: [Int32] { [SIGINT, SIGTERM, SIGHUP] }
    func meaning(of signal: Int32) -> SessionSignal { signal == SIGHUP ? .reload : .end(signal) }
    /// It was to end, and has ended: service managers take anything else for a failure.
    func status(endedEarlyBy signal: Int32) -> Int32 { EXIT_SUCCESS }
    /// That another process has been faster to take over is no success of this one.
    var exitStatus: Int32? { hasToEnd || (hasSuccessor && !isServing) ? EXIT_FAILURE : nil }

    // MARK: Serving

    /// The kubelet asks for health from the beginning, and kills who does not answer: also while an API server is away.
    mutating func prepare(_ configuration: RelayConfiguration, _ teller: StatusTeller) throws {
        let health = try DaemonHealth(
            at: options.healthAddress, families: IPAddress.Family.allCases, syncPeriod: options.syncPeriod,
            isShared: options.takeover != nil, status: teller.board, budget: configuration.budget)
        // One that takes over listens where the other one does, and not before it serves.
        if options.isHealthRequired, options.takeover == nil, let problem = health.listen().first {
            throw CommandFailure("\(problem) (--bind-address-hard-fail)")
        }
        self.health = health
    }

    mutating func start(_ first: SourceUpdate, _ tools: SessionTools<Event>) async throws -> Bool {
        guard let health else { preconditionFailure("a role is prepared before it starts") }
        let logger = tools.teller.logger
        if let server = settings.apiServer { try checkIndependence(of: server, from: first) }
        // Whoever takes over gets it from the process that has it now.
        if options.takeover == nil { lock = try await .ofThisMachine(options, logger) }
        let backEnd = iptables.map {
            IptablesRedirect($0, families: settings.redirectedFamilies, watch: FirewallWatch($0.kind))
        }
        let proxy = NodeProxy(relay: tools.relay, settings: settings, backEnd: backEnd)
        let succession = Succession(
            path: options.takeover, isForced: options.isTakeoverForced, relay: tools.relay, logger: logger)
        let isSuccessor = try await succession.inherit(for: proxy) { doors throws(CommandFailure) in
            if !doors.isEmpty { try checkWorthTakingOver(first) }
        }
        if lock == nil, !isSuccessor { lock = try await .ofThisMachine(options, logger) }
        let keeper = RuleKeeper(
            proxy: proxy, minPeriod: options.minSyncPeriod, watch: backEnd?.watch, logger: logger)
        let manager = manager
        if options.followsCluster {
            // What could be read of it at first was told; a Node that may not be read is not missing.
            identity = NodeIdentity(
                settings.nodeName, needsPodRanges: options.needsPodRanges, isReadable: !first.isPartial)
        }
        parts = Parts(
            tools: tools, proxy: proxy, keeper: keeper, health: health, succession: succession,
            rules: Task { await keeper.run { tools.wake(.redirected($0)) } },
            feeds: [
                Task { await keeper.heal() },
                Task { await Self.watchAddresses { tools.wake(.addresses) } },
                Task { await Self.keepAlive(manager) },
                Task { [watch = restart.watch] in await watch?.follow { tools.wake(.configuration($0)) } },
            ] + clusterFeeds(proxy, tools))
        restart.servingBegins()
        await take(first.changes)
        return false
    }

    /// What a daemon with a cluster does besides.
    private func clusterFeeds(_ proxy: NodeProxy, _ tools: SessionTools<Event>) -> [Task<Void, Never>] {
        guard identity != nil else { return [] }
        var feeds = [
            Task { if (try? await Task.sleep(for: NodeIdentity.addressPatience)) != nil { tools.wake(.addressesDue) } },
            Task {
                if (try? await Task.sleep(for: NodeIdentity.podRangePatience)) != nil { tools.wake(.podRangesDue) }
            },
        ]
        if let recorder = options.events {
            let feed = EventFeed(node: settings.nodeName, recorder: recorder) { await proxy.uid(ofService: $0) }
            let changes = tools.teller.board.reader()
            feed.begin()
            feeds += [Task { await recorder.run() }, Task { await feed.follow(changes) }]
        }
        return feeds
    }

    mutating func take(_ changes: ObjectChanges) async {
        guard let parts else { return }
        let served = await parts.proxy.serve(changes)
        take(served, isChange: true)
        isAhead = true
        // What means nothing to the rules neither waits for them nor counts as one of their changes.
        if let redirected = served.redirected { await take(redirected, parts) } else { parts.keeper.request(.change) }
    }

    mutating func retry(isReread: Bool) async {
        guard let parts else { return }
        take(await parts.proxy.retry(), isChange: false)
        parts.keeper.request(.check)
    }

    mutating func take(_ event: Event) async -> Bool {
        guard let parts else { return false }
        switch event {
        case .succeeded:
            hasSuccessor = true
            return true
        case .addresses:
            let before = addresses
            take(await parts.proxy.retry(), isChange: false)
            if addresses != before { parts.keeper.request(.change) }
        case .configuration(let news):
            take(news, parts)
        case .restartDue:
            restart.want()
            return true
        case .redirected(let redirected):
            await take(redirected, parts)
        case .addressesDue:
            identity?.addressesAreDue()
            take(await parts.proxy.retry(), isChange: false)
        case .podRangesDue:
            identity?.podRangesAreDue()
            return mustEnd
        case .nodeEnds:
            return mustEnd
        }
        return false
    }

    private mutating func take(_ news: ConfigurationWatch.News, _ parts: Parts) {
        let logger = parts.tools.teller.logger
        var problems: [Problem] = []
        if case .wrong(let mistakes) = news {
            problems = mistakes.lines.map {
                Problem(.error, .source, "\($0); the configuration of the start stays in use")
            }
        }
        parts.tools.teller.update { $0.replace(problems, of: .configuration) }
        if let waiting = restarting {
            waiting.cancel()
            restarting = nil
            if news != .changed { logger.notice("not starting anew after all") }
        }
        guard news == .changed else { return }
        let limit = options.drainTimeout
        logger.notice("the configuration has changed: starting anew when no connection is open, within \(limit)")
        // All is served meanwhile, for clients that come find nobody in the moment that it takes.
        restarting = Task { [tools = parts.tools] in
            let deadline = ContinuousClock.now + limit
            while tools.relay.total.open > 0, ContinuousClock.now < deadline {
                guard (try? await Task.sleep(for: .milliseconds(100))) != nil else { return }
            }
            tools.wake(.restartDue)
        }
    }

    /// Whether the Node is such that this process has to end, and not for good: whoever supervises it starts another.
    private var mustEnd: Bool {
        mutating get {
            guard let reason = identity?.reasonToEnd else { return false }
            parts?.tools.teller.logger.error("\(reason)")
            hasToEnd = true
            return true
        }
    }

    private mutating func take(_ served: NodeProxy.Served, isChange: Bool) {
        guard let parts else { return }
        var served = served
        if let news = identity?.update(served.node) { parts.tools.teller.logger.notice("\(news)") }
        if let identity {
            served.problems += identity.problems
            served.knowsNodes = served.knowsNodes || identity.knowsNodes
            if identity.reasonToEnd != nil { parts.tools.wake(.nodeEnds) }
        }
        addresses = served.addresses
        parts.tools.teller.update { status in
            status.update(services: served.services)
            status.replace(served.problems, of: .services)
            status.replace(notes: served.notes, of: .services)
            status.portCount = served.portCount
            status.serviceCount = served.serviceCount
        }
        for warning in served.warnings where warned.insert(warning).inserted {
            parts.tools.teller.logger.warning("\(warning)")
        }
        let unheard = parts.health.update(served, isChange: isChange)
        parts.tools.teller.update { $0.replace(unheard, of: .health) }
    }

    private mutating func take(_ redirected: NodeProxy.Redirected, _ parts: Parts) async {
        let kernel = redirected.kernel
        parts.health.update(kernel)
        let teller = parts.tools.teller
        var problems: [Problem] = []
        var hasChanged = false
        for (family, result) in kernel.families.sorted(by: { $0.key < $1.key }) {
            switch result.outcome {
            case .failure(let error):
                problems.append(
                    Problem(
                        .error, .rules, subject: "the rules for \(family)",
                        "they are not in force, and will be tried again: \(error)"))
            case .success(.applied(let lines)):
                hasChanged = true
                teller.logger.info("the rules for \(family) have changed: \(lines) lines")
            case .success(.unchanged): break
            }
            problems += result.refused.map(\.problem)
            // What is missing is missing at every change, and said once.
            for warning in result.warnings where warned.insert(warning).inserted {
                teller.logger.warning("\(warning)")
            }
        }
        if !kernel.isInForce { parts.keeper.retryLater() }

        let isNews = !hasStarted || hasChanged || isAhead
        teller.update { status in
            status.replace(problems, of: .rules)
            if isNews { status.update(rules: RulesStatus(kernel)) }
        }
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
        if lock == nil { lock = await .afterSuccession(teller.logger) }
        teller.update { $0.enter(.serving) }
        manager.ready(mainPID: getpid())
    }

    /// - Throws: ``CommandFailure`` if the API server was given by a cluster IP: nobody but a proxy leads from there to it. Other
    ///   addresses of Services may be its own; they are left alone, one by one (docs/behaviour.md, B2.9).
    private func checkIndependence(of server: EndpointAddress, from first: SourceUpdate) throws(CommandFailure) {
        let services = first.changes.objects.values.compactMap { object -> Service? in
            if case .service(let service)? = object { service } else { nil }
        }
        guard let owner = services.first(where: { $0.hasClusterIP(server) }) else { return }
        throw CommandFailure(
            "the API server's address \(server) is one of the Service \(owner.metadata.key), which this proxy serves "
                + "and so cannot depend on: give the API server's own address with --kubeconfig or --master")
    }

    /// - Throws: ``CommandFailure`` where taking over would take down what is served.
    private func checkWorthTakingOver(_ first: SourceUpdate) throws(CommandFailure) {
        guard !options.allowsEmpty else { return }
        let advice = "the other process goes on; --allow-empty takes over all the same"
        guard !first.isPartial else {
            throw CommandFailure("not all that is to be served can be read, and what cannot would be gone: \(advice)")
        }
        guard first.hasServices else {
            throw CommandFailure("there is no Service, and the other process serves some: \(advice)")
        }
    }

    // MARK: The end

    mutating func endIsWanted(by signal: Int32) -> Bool { true }

    mutating func beginEnd() async -> [Duration?] {
        guard let parts else { return [.zero] }
        let logger = parts.tools.teller.logger
        restarting?.cancel()
        if restart.isWanted { manager.reloading() } else if !hasSuccessor { manager.stopping() }
        // Another process that serves answers at the same ports, and is not about to end.
        if hasSuccessor, isServing {
            logger.notice("another process has taken over; open connections may end in their own time")
        }
        if await isReplaced { parts.health.close() }
        parts.tools.teller.update { $0.enter(.draining) }
        for task in parts.feeds + [parts.rules] { task.cancel() }
        defer {
            // Rules and doors are nobody's, or another's, from here on.
            lock?.release()
            lock = nil
        }
        if hasSuccessor {
            // A change of the rules that is under way may still open doors.
            await parts.rules.value
            await parts.tools.relay.letGo()
            return [options.takeoverDrainTimeout, options.drainTimeout]
        }
        await parts.succession.close()
        // Rules are those of the process that serves.
        if options.cleanupOnExit, !restart.isWanted, await !parts.succession.isUnconfirmed {
            await parts.rules.value
            for error in await parts.proxy.removeRules() { logger.error("rules are left: \(error)") }
        }
        // What was open has had its time.
        return [restart.isWanted ? .zero : options.drainTimeout]
    }

    /// Whether another process serves in this one's place.
    private var isReplaced: Bool {
        get async { if hasSuccessor { true } else { await parts?.succession.isUnconfirmed == true } }
    }

    mutating func finish() async { health?.close() }

    // MARK: Surroundings

    /// Tells whenever the kernel says that interfaces or their addresses have changed, until the task is cancelled.
    private static func watchAddresses(_ changed: () -> Void) async {
        guard let watch = try? KernelNews(.addresses) else { return }
        // For what has changed before somebody listened.
        changed()
        for await _ in watch.news {
            changed()
            // They come in several at once, with a network plug-in at work in many.
            try? await Task.sleep(for: .milliseconds(100))
        }
    }

    /// Tells the service manager that this process lives, as often as it wants to hear it.
    private static func keepAlive(_ manager: ServiceManager) async {
        guard let interval = manager.watchdogInterval else { return }
        while (try? await Task.sleep(for: interval)) != nil { manager.ping() }
    }
}

extension RulesStatus {
    init(_ result: KernelResult) {
        let inForce = result.families.filter { (try? $0.value.outcome.get()) != nil }.keys.sorted()
        self.init(
            inForce: inForce, isInForce: result.isInForce, isNone: result.families.isEmpty, duration: result.duration,
            processes: result.cost.processes, bytes: result.cost.bytes)
    }
}

extension Service {
    fileprivate func hasClusterIP(_ place: EndpointAddress) -> Bool {
        spec.ports.contains { $0.port == place.port } && spec.clusterIPs.contains { $0.address == place.ip }
    }
}
