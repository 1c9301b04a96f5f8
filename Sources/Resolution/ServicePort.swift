public import Balancing
public import Base

/// One port of one Service with all that the proxy needs to serve it, resolved: no look-ups are left to do.
public struct ServicePort: Hashable, Sendable {
    public var name: ServicePortName
    /// `tcp` or `udp`; SCTP ports are left out with a note.
    public var transport: TransportProtocol
    public var port: UInt16
    /// At most one per family, the primary one first. Empty only where services without one are asked for.
    public var clusterIPs: [IPAddress]
    public var nodePort: UInt16?
    public var externalIPs: [IPAddress]
    /// Load-balancer addresses to be captured on the node; those of `ipMode: Proxy` are left out.
    public var loadBalancerIPs: [IPAddress]
    /// Who may use the load-balancer addresses; ask ``sourceRanges(for:)``.
    public var loadBalancerSourceRanges: [IPPrefix]
    public var healthCheck: ServiceHealthCheck?
    public var affinity: SessionAffinity
    public var internalTrafficPolicy: TrafficPolicy
    public var externalTrafficPolicy: TrafficPolicy
    public var options: ServiceOptions
    public var endpointSource: EndpointSource
    public var endpoints: EndpointSelection
    /// Why there are no endpoints; nil if there are some, and where nobody asks
    /// (``ResolutionContext/explainsAbsence``).
    public var absence: EndpointAbsence?

    public init(
        name: ServicePortName, transport: TransportProtocol = .tcp, port: UInt16, clusterIPs: [IPAddress] = [],
        nodePort: UInt16? = nil, externalIPs: [IPAddress] = [], loadBalancerIPs: [IPAddress] = [],
        loadBalancerSourceRanges: [IPPrefix] = [], healthCheck: ServiceHealthCheck? = nil,
        affinity: SessionAffinity = .none, internalTrafficPolicy: TrafficPolicy = .cluster,
        externalTrafficPolicy: TrafficPolicy = .cluster, options: ServiceOptions = ServiceOptions(),
        endpointSource: EndpointSource = .none, endpoints: EndpointSelection = EndpointSelection()
    ) {
        self.name = name
        self.transport = transport
        self.port = port
        self.clusterIPs = clusterIPs
        self.nodePort = nodePort
        self.externalIPs = externalIPs
        self.loadBalancerIPs = loadBalancerIPs
        self.loadBalancerSourceRanges = loadBalancerSourceRanges
        self.healthCheck = healthCheck
        self.affinity = affinity
        self.internalTrafficPolicy = internalTrafficPolicy
        self.externalTrafficPolicy = externalTrafficPolicy
        self.options = options
        self.endpointSource = endpointSource
        self.endpoints = endpoints
    }

    /// Whether it can be reached other than by its cluster IP. If not, the external traffic policy is without effect.
    public var isExternallyReachable: Bool {
        nodePort != nil || !externalIPs.isEmpty || !loadBalancerIPs.isEmpty
    }

    /// The ranges from which load-balancer addresses of `family` may be used; empty means from everywhere. A range of
    /// length 0 opens both families, and a list of the other family's ranges alone restricts nothing.
    public func sourceRanges(for family: IPAddress.Family) -> [IPPrefix] {
        if loadBalancerSourceRanges.contains(where: { $0.length == 0 }) { return [] }
        return loadBalancerSourceRanges.filter { $0.family == family }
    }
}

/// The health check of a LoadBalancer Service with a Local external policy.
public struct ServiceHealthCheck: Hashable, Sendable {
    /// The port to answer on. It belongs to the Service: all its ports share one.
    public var nodePort: UInt16
    /// Distinct addresses of local ready endpoints over all ports of the Service.
    public var localEndpoints: Int

    public init(nodePort: UInt16, localEndpoints: Int) {
        self.nodePort = nodePort
        self.localEndpoints = localEndpoints
    }
}

/// Where a Service's endpoints were read from.
public enum EndpointSource: String, Hashable, Sendable, CaseIterable {
    case none
    case endpointSlices
    case endpoints
    case pods
}
