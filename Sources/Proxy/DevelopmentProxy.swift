public import Balancing
public import Base
public import Cluster
public import Objects
public import Relay
public import Resolution
public import Status

/// The development proxy behind `portico dev`: takes what the sources say, plans doors on loopback addresses, and keeps the
/// relay in step. The command around it reads files, prints, and listens to signals.
public actor DevelopmentProxy {
    /// What is served, and how; fixed at start.
    public struct Settings: Sendable {
        public var publications: [DevelopmentPlanner.Publication] = []
        public var staticServices: [StaticService] = []
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
        /// The namespace of names that are given without one.
        public var defaultNamespace = "default"
        /// Which Services are wanted, as it was asked for; empty for all.
        public var selection = ""

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

        public init() {}
    }

    private let settings: Settings
    private let relay: Relay
    private let reconciler: Reconciler
    private var planner: DevelopmentPlanner
    private var resolver: Resolver
    private let staticServices: [ObjectKey: [StaticService]]
    /// Of the host names of static Services.
    private var addresses: [String: [IPAddress]] = [:]
    /// Some of their doors are not open.
    private var troubled: Set<ObjectKey> = []
    private var shortage = ListenerShortage()
    private var census = ServiceCensus()
    private var hasBegun = false
    private let turns = Turns()

    public init(relay: Relay, settings: Settings) {
        self.settings = settings
        self.relay = relay
        reconciler = Reconciler(relay: relay)
        planner = DevelopmentPlanner(publications: settings.publications, balancing: settings.balancing)
        resolver = Resolver(
            ResolutionContext(
                servesUnassigned: true, resolvesHeadless: settings.resolvesHeadless, explainsAbsence: true,
                playsPods: settings.playsPods))
        staticServices = Dictionary(grouping: settings.staticServices, by: \.key)
    }

    /// Serves what the sources say by now, with these changes.
    public func apply(_ changes: ObjectChanges) async -> Served {
        await turns.take { await serve(resolve(changes)) }
    }

    /// Tries again what did not work, and asks anew for the addresses of host names.
    public func retry() async -> Served {
        await turns.take {
            let moved = await lookUpHosts()
            return await serve(troubled.union(moved))
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

    /// - Returns: the Services that have endpoints elsewhere now.
    private func lookUpHosts() async -> Set<ObjectKey> {
        var moved: Set<String> = []
        for name in Set(settings.staticServices.flatMap(\.hostNames)) {
            let found = await HostResolver.addresses(of: name)
            // A resolver that is out of order must not take away what worked so far.
            guard !found.isEmpty || addresses[name] == nil, addresses[name] != found else { continue }
            addresses[name] = found
            moved.insert(name)
        }
        return Set(staticServices.filter { $0.value.contains { !moved.isDisjoint(with: $0.hostNames) } }.keys)
    }

    /// The ports of a Service; those of the command line come before those of manifests.
    private func ports(of key: ObjectKey) -> [ServicePort] {
        let fixed = (staticServices[key] ?? []).map { $0.resolved(with: addresses) }
        let taken = Set(fixed.map { ServicePortID($0.name, $0.transport) })
        let others = (resolver.services[key]?.ports ?? []).filter {
            !taken.contains(ServicePortID($0.name, $0.transport))
        }
        return (fixed + others).sorted { ($0.name, $0.transport.rawValue) < ($1.name, $1.transport.rawValue) }
    }

    private func serve(_ dirty: Set<ObjectKey>) async -> Served {
        var plans: [ObjectKey: ServicePlan] = [:]
        for key in dirty.sorted() {
            plans[key] = planner.plan(key, ports(of: key)) { settings.standIn($0) }
        }
        for key in shortage.nextInLine(dirty, { plans[$0]?.ports ?? [] }).subtracting(dirty) {
            plans[key] = planner.plan(key, ports(of: key)) { settings.standIn($0) }
        }
        let statuses = await reconciler.apply(plans.mapValues(\.ports))
        var served = Served()
        for (key, plan) in plans {
            let status = statuses[key] ?? []
            shortage.update(key, status)
            if status.areOpen { troubled.remove(key) } else { troubled.insert(key) }
            served.services.updateValue(service(key, plan, status), forKey: key)
        }
        served.problems = addresses.filter(\.value.isEmpty).keys.sorted().map { name in
            Problem(.error, .source, subject: "host name \(name)", "has no address")
        }
        served.problems += [shortage.problem(limit: relay.budget.limit)].compactMap(\.self)
        if staticServices.isEmpty, let emptiness = census.emptiness(selection: settings.selection) {
            served.problems.append(Problem(.warning, .source, emptiness))
        }
        served.notes = (resolver.strayNotes.map(\.description) + planner.missingPublications(ports(of:)))
            .map { Note($0, isDetail: false) }
        return served
    }

    private func service(_ key: ObjectKey, _ plan: ServicePlan, _ status: [PortStatus]) -> ServedService? {
        let resolved = resolver.services[key]
        guard resolved != nil || staticServices[key] != nil else { return nil }
        // What a developer may have is not refused, so all that is left out is a fact.
        let notes = (resolved?.notes ?? []).map { Note($0.description, isDetail: false) }
        return ServedService(
            ports: status.explained(settings, resolved?.ports ?? []),
            notes: notes + plan.notes.map { Note($0, isDetail: false) },
            problems: plan.problems + status.problems)
    }
}

extension StaticService {
    var key: ObjectKey { ObjectKey(namespace: namespace, name: service) }
}
