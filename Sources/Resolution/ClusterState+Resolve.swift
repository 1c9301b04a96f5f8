internal import Balancing
internal import Base
internal import Objects

extension ClusterState {
    /// Works out what is served on a node: which service ports, at which addresses, by which endpoints
    /// (docs/behaviour.md, B2 and B3).
    ///
    /// Pure and complete: the same state and context always give the same resolution. Takes time in proportion to the
    /// number of objects.
    public func resolve(_ context: ResolutionContext = ResolutionContext()) -> Resolution {
        let resolver = ServiceResolver(state: self, context: context)
        var resolution = Resolution(captured: CapturedAddresses(nodes: resolver.nodeAddresses))
        // All addresses first: an endpoint of one Service may be an address of another.
        let sorted = services.sorted { $0.metadata.key < $1.metadata.key }
        let findings = sorted.map { resolver.addresses(of: $0, into: &resolution.captured) }
        for (service, finding) in zip(sorted, findings) {
            resolution.notes += finding.notes
            if let addresses = finding.addresses { resolver.resolve(service, at: addresses, into: &resolution) }
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
    /// Of this node and, as far as there are objects, of all others.
    let nodeAddresses: Set<IPAddress>

    init(state: ClusterState, context: ResolutionContext) {
        index = EndpointIndex(state)
        self.context = context
        let ownNode = context.nodeName.flatMap { name in state.nodes.first { $0.metadata.name == name } }
        place = TopologyPlace(node: context.nodeName, zone: context.zone ?? ownNode?.zone)
        nodeAddresses = (context.safety?.addresses ?? []).union(state.nodes.flatMap(\.addresses))
    }

    /// The addresses of a Service, which are captured from here on; nil if it is none of the proxy's business.
    func addresses(
        of service: Service, into captured: inout CapturedAddresses
    ) -> (addresses: ServiceAddresses?, notes: [ResolutionNote]) {
        if let reason = reasonToSkip(service) { return (nil, [ResolutionNote(.info, of: service, reason)]) }
        var addresses = ServiceAddresses(service)
        var notes = addresses.problems.map { ResolutionNote(.warning, of: service, $0) }
        if context.safety != nil {
            notes += addresses.refuse(nodes: nodeAddresses).map { ResolutionNote(.refusal, of: service, $0) }
        }
        for port in service.spec.ports {
            captured.insert(port, of: ServicePortName(service, port), at: addresses)
        }
        return (addresses, notes)
    }

    func resolve(_ service: Service, at addresses: ServiceAddresses, into resolution: inout Resolution) {
        func note(_ level: ResolutionNote.Level, _ text: String) {
            resolution.notes.append(ResolutionNote(level, of: service, text))
        }
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
            var candidates = collector.candidates(for: spec)
            if let safety = context.safety {
                let label = spec.name.isEmpty ? "\(spec.port)" : spec.name
                for captured in [resolution.captured, safety.captured] {
                    for refusal in candidates.refuse(captured, spec.transport) {
                        note(.refusal, "port \(label): \(refusal)")
                    }
                }
            }
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

    /// Why a Service is none of the proxy's business (docs/behaviour.md, B2.1); nil if it is.
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
        var port = ServicePort(
            name: ServicePortName(service, spec),
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

    /// The type matters here, and only here: a number left over from another type is not served.
    private func healthCheckNodePort(_ service: Service) -> UInt16? {
        guard service.spec.type == .loadBalancer, service.spec.externalTrafficPolicy == .local else { return nil }
        return service.spec.healthCheckNodePort
    }
}

extension ServicePortName {
    fileprivate init(_ service: Service, _ port: ServicePortSpec) {
        self.init(namespace: service.metadata.namespace, service: service.metadata.name, port: port.name)
    }
}

extension ResolutionNote {
    fileprivate init(_ level: Level, of service: Service, _ text: String) {
        self.init(level, subject: "Service \(service.metadata.key)", text: text)
    }
}
