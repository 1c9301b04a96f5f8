extension ClusterState {
    /// Works out what is served on a node: which service ports, at which addresses, by which endpoints (SPEC §4).
    ///
    /// Pure and complete: the same state and context always give the same resolution. Takes time in proportion to the
    /// number of objects.
    public func resolve(_ context: ResolutionContext = ResolutionContext()) -> Resolution {
        let resolver = ServiceResolver(state: self, context: context)
        var resolution = Resolution()
        for service in services.sorted(by: { $0.metadata.key < $1.metadata.key }) {
            resolver.resolve(service, into: &resolution)
        }
        // Ports come out by Service; within one, by name.
        resolution.ports.sort { $0.name < $1.name }
        resolution.notes += resolver.index.notes
        return resolution
    }
}

struct ServiceResolver {
    let index: EndpointIndex
    let context: ResolutionContext
    let place: TopologyPlace

    init(state: ClusterState, context: ResolutionContext) {
        index = EndpointIndex(state)
        self.context = context
        let ownNode = context.nodeName.flatMap { name in state.nodes.first { $0.metadata.name == name } }
        place = TopologyPlace(node: context.nodeName, zone: context.zone ?? ownNode?.zone)
    }

    func resolve(_ service: Service, into resolution: inout Resolution) {
        let subject = "Service \(service.metadata.key)"
        func note(_ level: ResolutionNote.Level, _ text: String) {
            resolution.notes.append(ResolutionNote(level, subject: subject, text: text))
        }
        if let reason = reasonToSkip(service) {
            note(.info, reason)
            return
        }
        let addresses = ServiceAddresses(service)
        for problem in addresses.problems { note(.warning, problem) }
        let (options, problems) = ServiceOptions.parse(service.metadata.annotations)
        for problem in problems { note(.warning, problem) }
        if service.spec.ports.isEmpty { note(.warning, "no ports, nothing to proxy") }

        let origin = index.origin(of: service)
        var collector = EndpointCollector(service: service, origin: origin, nodeName: context.nodeName)
        var localIPs: Set<IPAddress> = []
        var ports: [ServicePort] = []
        for spec in service.spec.ports {
            guard spec.transport != .sctp else {
                note(
                    .warning,
                    "port \(spec.name.isEmpty ? "\(spec.port)" : spec.name): SCTP is not supported, not proxied")
                continue
            }
            let candidates = collector.candidates(for: spec)
            localIPs.formUnion(candidates.localReadyIPs)
            ports.append(port(spec, of: service, addresses, options, origin.source, candidates))
        }
        for problem in collector.problems { note(.warning, problem) }
        if let nodePort = healthCheckNodePort(service) {
            let check = ServiceHealthCheck(nodePort: nodePort, localEndpoints: localIPs.count)
            for index in ports.indices { ports[index].healthCheck = check }
        }
        resolution.ports += ports
    }

    /// Why a Service is none of the proxy's business; nil if it is (SPEC §4.1).
    private func reasonToSkip(_ service: Service) -> String? {
        let labels = service.metadata.labels
        if labels[WellKnownLabel.serviceProxyName] != context.serviceProxyName {
            let owner = labels[WellKnownLabel.serviceProxyName] ?? ""
            return owner.isEmpty ? "not labelled for this proxy, not proxied" : "left to the proxy \(owner)"
        }
        // A cluster IP may linger after a change of type, so the type is asked first.
        if service.spec.type == .externalName { return "ExternalName, a matter for DNS, not proxied" }
        if service.spec.isHeadless { return "headless, not proxied" }
        if labels[WellKnownLabel.headless] != nil { return "labelled \(WellKnownLabel.headless), not proxied" }
        if service.spec.clusterIPs.isEmpty, !context.servesUnassigned { return "no cluster IP yet, not proxied" }
        return nil
    }

    private func port(
        _ spec: ServicePortSpec, of service: Service, _ addresses: ServiceAddresses, _ options: ServiceOptions,
        _ source: EndpointSource, _ candidates: CandidateSet
    ) -> ServicePort {
        let meta = service.metadata
        var port = ServicePort(
            name: ServicePortName(namespace: meta.namespace, service: meta.name, port: spec.name),
            transport: spec.transport, port: spec.port, clusterIPs: addresses.clusterIPs, nodePort: spec.nodePort,
            externalIPs: addresses.externalIPs, loadBalancerIPs: addresses.loadBalancerIPs,
            loadBalancerSourceRanges: addresses.sourceRanges,
            affinity: service.spec.clientIPAffinity ? .clientIP(seconds: service.spec.affinityTimeout) : .none,
            internalTrafficPolicy: service.spec.internalTrafficPolicy,
            externalTrafficPolicy: service.spec.externalTrafficPolicy, options: options, endpointSource: source)
        let policy = SelectionPolicy(
            internalPolicy: port.internalTrafficPolicy, externalPolicy: port.externalTrafficPolicy,
            isExternallyReachable: port.isExternallyReachable)
        port.endpoints = EndpointSelection(candidates, policy: policy, place: place)
        return port
    }

    /// The type matters here, and only here: a number left over from another type is not served (SPEC §4.7).
    private func healthCheckNodePort(_ service: Service) -> UInt16? {
        guard service.spec.type == .loadBalancer, service.spec.externalTrafficPolicy == .local else { return nil }
        return service.spec.healthCheckNodePort
    }
}
