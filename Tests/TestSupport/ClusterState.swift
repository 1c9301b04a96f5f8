public import Cluster
public import Objects
public import Resolution

/// All the objects of a cluster, in lists: a short way to say what there is.
public struct ClusterState: Hashable, Sendable {
    public var services: [Service]
    public var endpointSlices: [EndpointSlice]
    public var endpoints: [Endpoints]
    public var pods: [Pod]
    public var nodes: [Node]
    public var workloads: [Workload]

    public init(
        services: [Service] = [], endpointSlices: [EndpointSlice] = [], endpoints: [Endpoints] = [], pods: [Pod] = [],
        nodes: [Node] = [], workloads: [Workload] = []
    ) {
        self.services = services
        self.endpointSlices = endpointSlices
        self.endpoints = endpoints
        self.pods = pods
        self.nodes = nodes
        self.workloads = workloads
    }

    /// As a source tells of it at first.
    public var changes: ObjectChanges {
        var changes = ObjectChanges()
        for object in services { changes.update(.service(object)) }
        for object in endpointSlices { changes.update(.endpointSlice(object)) }
        for object in endpoints { changes.update(.endpoints(object)) }
        for object in pods { changes.update(.pod(object)) }
        for object in nodes { changes.update(.node(object)) }
        for object in workloads { changes.update(.workload(object)) }
        return changes
    }

    /// What a resolver makes of it that knows nothing else.
    public func resolve(_ context: ResolutionContext = ResolutionContext()) -> Resolution {
        var resolver = Resolver(context)
        _ = resolver.apply(changes)
        return resolver.resolution
    }

    /// The headless Services in the order of their names, and what their names stand for.
    public func headlessServices() -> [(key: ObjectKey, ports: [HeadlessPort])] {
        var resolver = Resolver(ResolutionContext(resolvesHeadless: true))
        _ = resolver.apply(changes)
        return resolver.services.sorted { $0.key < $1.key }.compactMap { key, service in
            service.headless.map { (key, $0) }
        }
    }
}
