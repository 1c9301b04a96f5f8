internal import Balancing
internal import Base
internal import Cluster
internal import Objects

/// One Service.
extension Resolver {
    /// What it is served as, with what it has by now.
    func resolved(_ service: Service) -> ResolvedService {
        var result = ResolvedService()
        func note(_ level: ResolutionNote.Level, _ text: String) {
            result.notes.append(ResolutionNote(level, subject: "Service \(service.metadata.key)", text: text))
        }
        if let reason = reasonToSkip(service) {
            note(.info, reason)
            if context.resolvesHeadless, service.spec.isHeadless, service.spec.type != .externalName {
                result.headless = headlessPorts(of: service)
            }
            return result
        }
        let (addresses, refusals) = addresses(of: service)
        for problem in addresses.problems { note(.warning, problem) }
        for refusal in refusals { note(.refusal, refusal) }
        let (options, problems) = ServiceOptions.parse(service.metadata.annotations)
        for problem in problems { note(.warning, problem) }
        if service.spec.ports.isEmpty { note(.warning, "no ports, nothing to proxy") }

        let origin = store.origin(of: service, plays: context.playsPods)
        var collector = EndpointCollector(service: service, origin: origin, nodeName: context.nodeName)
        var share = PortalShare(of: service.metadata.key, in: claims, context.safety)
        var localIPs: Set<IPAddress> = []
        for spec in service.spec.ports {
            guard spec.transport != .sctp else {
                note(.warning, "\(spec.label): SCTP is not supported, not proxied")
                continue
            }
            var candidates = collector.candidates(for: spec)
            if context.safety != nil {
                for refusal in candidates.removeAll({ reasonToRefuse($0, spec.transport) }) {
                    note(.refusal, "\(spec.label): \(refusal)")
                }
            }
            localIPs.formUnion(candidates.localReadyIPs)
            var port = share.port(spec, of: service, at: addresses)
            port.options = options
            port.endpointSource = origin.source
            let policy = SelectionPolicy(
                internalPolicy: port.internalTrafficPolicy, externalPolicy: port.externalTrafficPolicy,
                isExternallyReachable: port.isExternallyReachable)
            port.endpoints = EndpointSelection(candidates, policy: policy, place: place)
            if context.explainsAbsence, !port.endpoints.hasAny { port.absence = absence(of: spec, of: service, origin) }
            result.ports.append(port)
        }
        let healthCheck = share.healthCheck(of: service, localEndpoints: localIPs.count)
        for index in result.ports.indices { result.ports[index].healthCheck = healthCheck }
        for refusal in share.refusals { note(.refusal, refusal) }
        for loss in share.losses { note(.warning, loss) }
        for problem in collector.problems { note(.warning, problem) }
        result.ports.sort { $0.name < $1.name }
        return result
    }

    /// What it wants for itself alone; nothing if it is gone, or none of the proxy's business.
    func wish(of key: ObjectKey) -> ClaimTable<PortalAddress, ObjectKey>.Wish {
        guard let service = store.service(key), reasonToSkip(service) == nil else { return .init() }
        let addresses = addresses(of: service).addresses
        var places: [PortalAddress] = []
        var known: Set<PortalAddress> = []
        func want(_ place: PortalAddress) {
            guard context.safety?.reasonToRefuse(place) == nil, known.insert(place).inserted else { return }
            places.append(place)
        }
        for port in service.spec.ports where port.transport != .sctp {
            for ip in addresses.clusterIPs + addresses.externalIPs + addresses.loadBalancerIPs {
                want(.address(EndpointAddress(ip: ip, port: port.port), port.transport))
            }
            if let number = port.nodePort { want(.nodePort(number, port.transport)) }
        }
        if let number = service.servedHealthCheckNodePort { want(.healthCheck(number)) }
        return .init(places, since: service.metadata.creationTimestamp)
    }

    /// Its addresses, without those that no Service may have on a node.
    private func addresses(of service: Service) -> (addresses: ServiceAddresses, refusals: [String]) {
        var addresses = ServiceAddresses(service)
        let refusals = context.safety.map { addresses.refuse(by: $0, isNodeAddress: isNodeAddress) } ?? []
        return (addresses, refusals)
    }

    /// Why a Service is none of the proxy's business; nil if it is.
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

    /// Why an endpoint must not be dialled; nil if it may be.
    private func reasonToRefuse(_ address: EndpointAddress, _ transport: TransportProtocol) -> String? {
        if let kind = address.ip.specialKind { return "endpoint \(address) is refused: it is \(kind)" }
        return owner(of: address, transport).map {
            "endpoint \(address) is refused: it is \($0), and would lead back to the proxy"
        }
    }

    /// Whoever resolves the name is told of every endpoint: policies and topology are a proxy's business.
    private func headlessPorts(of service: Service) -> [HeadlessPort] {
        let policy = SelectionPolicy(internalPolicy: .cluster, externalPolicy: .cluster, isExternallyReachable: false)
        var collector = EndpointCollector(
            service: service, origin: store.origin(of: service, headless: true, plays: context.playsPods),
            nodeName: nil)
        return (service.spec.ports.isEmpty ? [ServicePortSpec.absent] : service.spec.ports).map { spec in
            let selection = EndpointSelection(collector.candidates(for: spec), policy: policy, place: TopologyPlace())
            return HeadlessPort(
                name: spec.name, transport: spec.transport,
                endpoints: selection.ipv4.cluster + selection.ipv6.cluster)
        }
    }
}

extension Service {
    /// The type matters here, and only here: a number left over from another type is not served.
    var servedHealthCheckNodePort: UInt16? {
        spec.type == .loadBalancer && spec.externalTrafficPolicy == .local ? spec.healthCheckNodePort : nil
    }
}

extension ServicePortSpec {
    /// What stands for the ports of a Service that has none.
    static let absent = ServicePortSpec(port: 0)

    var isAbsent: Bool { port == 0 }

    /// What people call it: `port http`, or `port 80` without a name.
    var label: String { "port \(name.isEmpty ? "\(port)" : name)" }
}
