internal import Cluster
internal import Objects

extension ClusterState {
    /// Works out what is served on a node: which service ports, at which addresses, by which endpoints
    /// (docs/behaviour.md, B2 and B3).
    ///
    /// Pure and complete: the same state and context always give the same resolution. Takes time in proportion to the
    /// number of objects.
    public func resolve(_ context: ResolutionContext = ResolutionContext()) -> Resolution {
        var memory = Resolver.Memory()
        memory.former = context.safety?.captured ?? [:]
        var resolver = Resolver(context, remembering: memory)
        _ = resolver.apply(changes)
        return resolver.resolution
    }

    /// The headless Services, which ``resolve(_:)`` leaves out, in the order of their names. Pure.
    public func headlessServices() -> [HeadlessService] {
        var resolver = Resolver(ResolutionContext(resolvesHeadless: true))
        _ = resolver.apply(changes)
        return services.sorted { $0.metadata.key < $1.metadata.key }.compactMap { service in
            resolver.services[service.metadata.key]?.headless.map {
                HeadlessService(metadata: service.metadata, ports: $0)
            }
        }
    }

    private var changes: ObjectChanges {
        var changes = ObjectChanges()
        for object in services { changes.update(.service(object)) }
        for object in endpointSlices { changes.update(.endpointSlice(object)) }
        for object in endpoints { changes.update(.endpoints(object)) }
        for object in pods { changes.update(.pod(object)) }
        for object in nodes { changes.update(.node(object)) }
        return changes
    }
}
