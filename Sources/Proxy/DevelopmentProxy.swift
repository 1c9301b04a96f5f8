public import Balancing
public import Base
public import Cluster
public import Objects
public import Relay
public import Resolution
public import Status

/// The development proxy behind `portico dev`: takes what the sources say, plans doors on loopback addresses, and keeps
/// the relay in step. The command around it reads files, prints, and listens to signals.
public actor DevelopmentProxy {
    /// What is served, and how; fixed at start.
    public struct Settings: Sendable {
        public var publications: [DevelopmentPlanner.Publication] = []
        /// Whether each Service has an address of its own besides.
        public var givesAddresses = true
        public var staticServices: [StaticService] = []
        /// Processes that serve service ports in place of endpoints.
        public var locals: [LocalTarget] = []
        public var localFallback = LocalFallback.endpoints
        /// What the command behind `--` is called; empty for none.
        public var command = ""
        /// Whether a Service of a manifest is wanted.
        public var includes: @Sendable (Service) -> Bool = { _ in true }
        /// Where something on this machine stands in for an endpoint, if anything does.
        public var standIn: @Sendable (ServiceEndpoint) -> EndpointAddress? = { _ in nil }
        /// How endpoints are chosen for Services that do not say.
        public var balancing = BalancingMethod.roundRobin
        /// Whether somebody asks for headless Services, which are not served but have names.
        public var resolvesHeadless = false
        /// Whether Services that have no endpoints get pods that are played.
        public var playsPods = false
        /// Whether the Services are those of a cluster that runs.
        public var isOfCluster = false
        /// Why pods cannot be reached by UDP; nil where they can.
        public var udpRefusal: String?
        /// The namespace of names that are given without one.
        public var defaultNamespace = "default"
        /// Which Services are wanted, as it was asked for; empty for all.
        public var selection = ""
        /// Asks for the addresses of a host name.
        var resolve: @Sendable (String) async -> [IPAddress] = { await HostResolver.addresses(of: $0) }

        public init() {}
    }

    /// What a step came to.
    public struct Served: Sendable {
        /// How the Services stand that it has looked at; nil for one that is gone.
        public var services: [ObjectKey: ServedService?] = [:]
        /// All that is not as it was asked for and is not one Service's own.
        public var problems: [Problem] = []
        /// All facts that explain what is served and are not one Service's own.
        public var notes: [Note] = []
        /// What has just happened, a line each.
        public var news: [String] = []
        /// What cannot be done as it was asked for on the command line.
        public var refusals: [String] = []

        public init() {}
    }

    private let settings: Settings
    private let relay: Relay
    private let reconciler: Reconciler
    private var planner: DevelopmentPlanner
    private var resolver: Resolver
    private let staticServices: [ObjectKey: [StaticService]]
    private var locals: LocalServices
    private var news: LocalNews
    /// Of the host names of static Services, and of those that processes are at.
    private var addresses: [String: [IPAddress]] = [:]
    /// How often they have been asked for, and the last time that counts.
    private var (asked, answered) = (0, 0)
    /// Some of their doors are not open.
    private var troubled: Set<ObjectKey> = []
    private var shortage = ListenerShortage()
    private var moved = MovedPorts()
    private var census = ServiceCensus()
    private var hasBegun = false
    private let turns = Turns()

    /// - Parameter sight: of who listens on this machine, at first.
    public init(relay: Relay, settings: Settings, sight: LocalSight = LocalSight()) {
        self.settings = settings
        self.relay = relay
        reconciler = Reconciler(relay: relay)
        planner = DevelopmentPlanner(
            publications: settings.publications, balancing: settings.balancing,
            givesAddresses: settings.givesAddresses)
        resolver = Resolver(
            ResolutionContext(
                servesUnassigned: true, resolvesHeadless: settings.resolvesHeadless || !settings.locals.isEmpty,
                explainsAbsence: true, knowsPods: !settings.isOfCluster, playsPods: settings.playsPods))
        staticServices = Dictionary(grouping: settings.staticServices, by: \.key)
        locals = LocalServices(
            settings.locals, fallback: settings.localFallback, command: settings.command, sight: sight)
        news = LocalNews(fallback: settings.localFallback)
    }

    /// Serves what the sources say by now, with these changes.
    public func apply(_ changes: ObjectChanges) async -> Served {
        await turns.take { await serve(resolve(changes)) }
    }

    /// Serves by what can be seen now of who listens on this machine.
    public func apply(_ sight: LocalSight) async -> Served {
        await turns.take {
            locals.sight = sight
            return await serve(locals.keys)
        }
    }

    /// Serves by what was found of host names.
    public func apply(_ answer: HostAnswer) async -> Served {
        await turns.take { await serve(take(answer)) }
    }

    /// Tries again what did not work. Some time after the beginning, at least.
    public func retry() async -> Served {
        await turns.take {
            let waiting = locals.commandIsLate ? [] : locals.keys
            locals.commandIsLate = true
            return await serve(troubled.union(waiting))
        }
    }

    /// What a Service is, and what it comes down to: for those who know it by name.
    public func description(of key: ObjectKey) -> (service: Service?, resolved: ResolvedService?) {
        (resolver.store.service(key), resolver.services[key])
    }

    /// - Returns: the Services that this may concern.
    private func resolve(_ changes: ObjectChanges) -> Set<ObjectKey> {
        var dirty = resolver.apply(census.take(changes, includes: settings.includes))
        if !hasBegun { dirty.formUnion(staticServices.keys) }
        hasBegun = true
        return dirty
    }

    /// The addresses that host names have.
    public struct HostAnswer: Sendable {
        fileprivate let number: Int
        fileprivate var addresses: [String: [IPAddress]] = [:]
    }

    /// Asks for the addresses of all host names at once: a resolver that keeps silent takes its time for each. Nobody
    /// waits for it but the caller; what is told meanwhile is served meanwhile.
    public func lookUp() async -> HostAnswer {
        asked += 1
        let names = Set(settings.staticServices.flatMap(\.hostNames) + settings.locals.compactMap(\.hostName))
        return await withTaskGroup(of: (String, [IPAddress]).self) { [resolve = settings.resolve] group in
            var answer = HostAnswer(number: asked)
            for name in names { group.addTask { (name, await resolve(name)) } }
            for await (name, found) in group { answer.addresses[name] = found }
            return answer
        }
    }

    /// - Returns: the Services that have endpoints elsewhere now.
    private func take(_ answer: HostAnswer) -> Set<ObjectKey> {
        // One that was asked for later has come already.
        guard answer.number > answered else { return [] }
        answered = answer.number
        var moved: Set<String> = []
        for (name, found) in answer.addresses {
            // A resolver that is out of order must not take away what worked so far.
            guard !found.isEmpty || addresses[name] == nil, addresses[name] != found else { continue }
            addresses[name] = found
            moved.insert(name)
        }
        let ofLocals = settings.locals.filter { $0.hostName.map(moved.contains) ?? false }.map(\.key)
        return Set(staticServices.filter { $0.value.contains { !moved.isDisjoint(with: $0.hostNames) } }.keys)
            .union(ofLocals)
    }

    /// The ports of a Service. One of the command line hides that of the manifests.
    private func ports(of key: ObjectKey) -> [ServicePort] {
        if let fixed = staticServices[key] {
            return fixed.map { $0.resolved(with: addresses) }.sorted {
                ($0.name, $0.transport.rawValue) < ($1.name, $1.transport.rawValue)
            }
        }
        let resolved = resolver.services[key]
        guard let resolved, resolved.ports.isEmpty, let service = resolver.store.service(key) else {
            return resolved?.ports ?? []
        }
        // Such as a headless one, whose name stands for pods: with a process of this machine it has an address, too.
        return service.ports(for: locals.targets(of: key), headless: resolved.headless ?? [])
    }

    private func local(_ key: ObjectKey, _ ports: [ServicePort]) -> LocalServices.Outcome {
        guard !locals.targets(of: key).isEmpty, exists(key) else { return LocalServices.Outcome() }
        let specs = resolver.store.service(key)?.spec.ports ?? []
        return locals.outcome(of: key, ports.map { LocalPort($0, specs) }, hosts: addresses)
    }

    private func exists(_ key: ObjectKey) -> Bool { staticServices[key] != nil || resolver.services[key] != nil }

    private func serve(_ dirty: Set<ObjectKey>) async -> Served {
        var served = Served()
        var plans: [ObjectKey: ServicePlan] = [:]
        func plan(_ key: ObjectKey) {
            let ports = ports(of: key)
            let outcome = local(key, ports)
            var plan = planner.plan(key, ports, locals: outcome.states) { settings.standIn($0) }
            plan.problems += outcome.problems + outcome.mistakes
            if let refusal = settings.udpRefusal { plan.leaveOutUDP(refusal) }
            plans[key] = plan
            served.refusals += outcome.mistakes.map(\.description)
        }
        for key in dirty.sorted() { plan(key) }
        for key in shortage.nextInLine(dirty, { plans[$0]?.ports ?? [] }).subtracting(dirty) { plan(key) }
        let statuses = await reconciler.apply(plans.mapValues(\.ports))
        for (key, plan) in plans.sorted(by: { $0.key < $1.key }) {
            let status = statuses[key] ?? []
            shortage.update(key, status)
            moved.update(key, status)
            locals.update(key, status)
            if status.areOpen { troubled.remove(key) } else { troubled.insert(key) }
            served.services.updateValue(service(key, plan, status), forKey: key)
            served.news += news.update(key, status)
            served.refusals += planner.failedPublications(key, status)
        }
        tellOfAll(&served)
        return served
    }

    /// What is no single Service's own.
    private func tellOfAll(_ served: inout Served) {
        served.problems = addresses.filter(\.value.isEmpty).keys.sorted().map { name in
            Problem(.error, .source, subject: "host name \(name)", "has no address, or the resolver does not answer")
        }
        let hidden = staticServices.keys.filter { resolver.services[$0] != nil }.sorted().map { key in
            Problem(
                .error, .object, subject: "--service \(key)",
                "there is such a Service already, which this would hide: to have it served from somewhere else, say "
                    + "--local \(key)=HOST:PORT")
        }
        served.problems += hidden + locals.missing(among: resolver.services.keys, exists)
        served.problems += [shortage.problem(limit: relay.budget.limit)].compactMap(\.self)
        if staticServices.isEmpty, let emptiness = census.emptiness(selection: settings.selection) {
            served.problems.append(Problem(.warning, .source, emptiness))
        }
        let unpublished = planner.missingPublications(ports(of:))
        let notes = resolver.strayNotes.map(\.description) + unpublished + locals.warnings
        served.notes = notes.map { Note($0, isDetail: false) }
        served.notes += [moved.note()].compactMap(\.self)
        served.refusals += hidden.map(\.description) + unpublished
    }

    private func service(_ key: ObjectKey, _ plan: ServicePlan, _ status: [PortStatus]) -> ServedService? {
        let resolved = resolver.services[key]
        guard resolved != nil || staticServices[key] != nil else { return nil }
        // What a developer may have is not refused, so all that is left out is a fact.
        // That it is not served is not so where a process serves it all the same.
        let isServedAnyway = resolved?.ports.isEmpty == true && !status.isEmpty
        let notes = (isServedAnyway ? [] : resolved?.notes.map(\.description) ?? []) + plan.notes
        return ServedService(
            ports: status.explained(settings, resolved?.ports ?? []),
            notes: notes.map { Note($0, isDetail: false) },
            problems: plan.problems + status.problems)
    }
}

extension StaticService {
    var key: ObjectKey { ObjectKey(namespace: namespace, name: service) }
}
