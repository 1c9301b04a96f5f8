public import Objects

/// Everything a source knows about the cluster at one moment: a complete snapshot, never a difference.
///
/// The lists hold each object once (by kind, namespace and name); their order does not matter to the resolver.
public struct ClusterState: Hashable, Sendable {
    public var services: [Service]
    public var endpointSlices: [EndpointSlice]
    public var endpoints: [Endpoints]
    /// Only where a source has pods to offer; an API source does not fetch them.
    public var pods: [Pod]
    public var nodes: [Node]

    public init(
        services: [Service] = [], endpointSlices: [EndpointSlice] = [], endpoints: [Endpoints] = [], pods: [Pod] = [],
        nodes: [Node] = []
    ) {
        self.services = services
        self.endpointSlices = endpointSlices
        self.endpoints = endpoints
        self.pods = pods
        self.nodes = nodes
    }

    public var isEmpty: Bool {
        services.isEmpty && endpointSlices.isEmpty && endpoints.isEmpty && pods.isEmpty && nodes.isEmpty
    }
}
