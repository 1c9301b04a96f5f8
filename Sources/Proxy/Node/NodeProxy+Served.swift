public import Base
internal import Cluster
public import Objects
public import Redirect
public import Resolution
public import Status

extension NodeProxy {
    /// What ``serve(_:)`` came to.
    public struct Served: Sendable {
        /// How the Services stand that it has looked at; nil for one that is gone.
        public var services: [ObjectKey: ServedService?] = [:]
        /// What load balancers ask this node about those Services; nil if they do not.
        public var healthChecks: [ObjectKey: ServiceHealthEntry?] = [:]
        /// All that is not as it was asked for and is not one Service's own.
        public var problems: [Problem] = []
        /// All facts that explain what is served and are not one Service's own.
        public var notes: [Note] = []
        /// What people should know once, though all is as it was asked for.
        public var warnings: [String] = []
        /// How many Services and service ports of the cluster this node proxies.
        public var serviceCount = 0
        public var portCount = 0
        public var addresses = NodeAddresses()
        /// The object of this node.
        public var node: Node?
        /// The source knows of nodes, if not of this one.
        public var knowsNodes = false
        /// Traffic is to be led here and cannot: this node has no address to lead it to.
        public var isOutOfReach = false
        /// The rules need not change for this; nil if ``redirect(checking:)`` has something to do.
        public var redirected: Redirected?

        public init() {}

        /// Adds Services that another step has looked at, as far as this one has not.
        mutating func merge(_ other: Served) {
            services.merge(other.services) { own, _ in own }
            healthChecks.merge(other.healthChecks) { own, _ in own }
        }
    }

    /// What ``redirect(checking:)`` came to.
    public struct Redirected: Sendable {
        /// Nothing, if the kernel is left alone.
        public var kernel: KernelResult
        /// Some Services are to be served otherwise now that the rules are in force: by ``retry()``.
        public var isToBeServed: Bool

        public init(_ kernel: KernelResult = KernelResult(), isToBeServed: Bool = false) {
            self.kernel = kernel
            self.isToBeServed = isToBeServed
        }
    }
}

extension NodeState {
    /// How these Services stand, and the node.
    ///
    /// - Parameter limit: of files that the process may have open.
    func served(_ keys: Set<ObjectKey>, limit: Int) -> NodeProxy.Served {
        var served = NodeProxy.Served()
        for key in keys {
            served.services.updateValue(service(key), forKey: key)
            served.healthChecks.updateValue(services[key]?.healthCheck, forKey: key)
        }
        let addresses = planner.addresses
        served.problems = resolver.store.problems(ofNode: settings.nodeName)
        if isRedirecting { served.problems += addresses.problems(serving: sums.families, settings) }
        served.problems += (resolver.strayNotes.compactMap { Problem($0) })
        served.problems += [shortage.problem(limit: limit)].compactMap(\.self)
        served.warnings = warnings
        served.serviceCount = sums.services
        served.portCount = sums.ports
        served.addresses = addresses
        served.node = resolver.store.node(settings.nodeName)
        served.knowsNodes = !resolver.store.nodeNames.isEmpty
        served.isOutOfReach = isRedirecting && addresses.networks.isEmpty
        return served
    }

    private func service(_ key: ObjectKey) -> ServedService? {
        guard let resolved = resolver.services[key] else { return nil }
        let known = services[key] ?? NodeService()
        var served = ServedService(
            ports: known.plannedStatus,
            notes: resolved.notes.filter { $0.level == .info }.map { Note($0.description, isDetail: true) }
                + known.plan.notes.map { Note($0, isDetail: true) },
            problems: resolved.notes.compactMap { Problem($0) } + known.plan.problems + known.held
                + known.plannedStatus.problems)
        served.portals = known.kernel.portals.map(PortalStatus.init)
        return served
    }
}

extension PortalStatus {
    fileprivate init(_ portal: Portal) {
        let (kind, any): (Kind, IPAddress) =
            switch portal.place {
            case .clusterIP(let address): (.clusterIP, address)
            case .externalIP(let address): (.externalIP, address)
            case .loadBalancerIP(let address): (.loadBalancerIP, address)
            case .nodePort(let family): (.nodePort, family == .ipv4 ? .anyIPv4 : .anyIPv6)
            }
        self.init(owner: portal.owner, kind: kind, address: EndpointAddress(ip: any, port: portal.port))
    }
}
