public import Balancing
public import Base
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

        public init() {}
    }

    private let settings: Settings
    private let reconciler: Reconciler
    private var planner: DevelopmentPlanner
    private var manifests: [ServicePort] = []
    private var manifestNotes: [String] = []
    private var addresses: [String: [IPAddress]] = [:]

    public init(relay: Relay, settings: Settings) {
        self.settings = settings
        self.reconciler = Reconciler(relay: relay)
        self.planner = DevelopmentPlanner(publications: settings.publications, balancing: settings.balancing)
    }

    /// How things stand, and what people should know about it.
    public struct Status: Sendable, Equatable {
        public var ports: [PortStatus]
        /// Facts that explain the table: skipped ports, unknown names.
        public var notes: [String]
        /// What could not be done and will be tried again.
        public var problems: [Problem]
    }

    /// Serves what `state` says, in place of what was served before.
    public func apply(_ state: ClusterState) async -> Status {
        var state = state
        state.services = state.services.filter(settings.includes)
        let resolution = state.resolve(ResolutionContext(servesUnassigned: true))
        manifests = resolution.ports
        manifestNotes = resolution.notes.map(\.description)
        return await reconcile()
    }

    /// Tries again what did not work, and asks anew for the addresses of host names.
    public func retry() async -> Status {
        for name in Set(settings.staticServices.flatMap(\.hostNames)) {
            let found = await HostResolver.addresses(of: name)
            // A resolver that is out of order must not take away what worked so far.
            if !found.isEmpty || addresses[name] == nil { addresses[name] = found }
        }
        return await reconcile()
    }

    private func reconcile() async -> Status {
        let fixed = settings.staticServices.map { $0.resolved(with: addresses) }
        let fixedNames = Set(fixed.map { ServicePortID($0.name, $0.transport) })
        let ports = fixed + manifests.filter { !fixedNames.contains(ServicePortID($0.name, $0.transport)) }
        let plan = planner.plan(ports.sorted { ($0.name, $0.transport.rawValue) < ($1.name, $1.transport.rawValue) }) {
            settings.standIn($0)
        }
        let status = await reconciler.apply(plan)
        let unknown = addresses.filter(\.value.isEmpty).keys.sorted().map { name in
            Problem(.error, .source, subject: "host name \(name)", "has no address")
        }
        return Status(
            ports: status.ports, notes: manifestNotes + plan.notes,
            problems: unknown + plan.problems + status.problems)
    }
}
