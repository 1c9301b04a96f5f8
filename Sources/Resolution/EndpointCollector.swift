internal import Balancing
internal import Base
internal import Objects

/// Gathers the candidates of one Service's ports from wherever they are described.
struct EndpointCollector {
    let service: Service
    let origin: EndpointOrigin
    /// Nil makes every endpoint local.
    let nodeName: String?
    /// Why endpoints that one would expect are missing.
    private(set) var problems: [String] = []
    /// So many names are told one by one.
    private static let mostNames = 10

    init(service: Service, origin: EndpointOrigin, nodeName: String?) {
        self.service = service
        self.origin = origin
        self.nodeName = nodeName
    }

    mutating func candidates(for port: ServicePortSpec) -> CandidateSet {
        var candidates = CandidateSet()
        switch origin {
        case .nothing:
            break
        case .slices(let slices):
            for slice in slices { collect(slice, for: port, into: &candidates) }
            let offered = slices.lazy.filter { !$0.endpoints.isEmpty }.flatMap(\.ports)
            if candidates.isEmpty {
                explain(port, offered: offered.map { ($0.name, $0.transport as TransportProtocol?) })
            }
        case .endpoints(let object):
            for subset in object.subsets { collect(subset, for: port, into: &candidates) }
            if candidates.isEmpty { explain(port, offered: object.subsets.flatMap(\.ports).map { ($0.name, nil) }) }
        case .pods(let pods):
            for pod in pods { collect(pod, for: port, into: &candidates) }
        case .played(let pods):
            for pod in pods { collect(pod, for: port, isPlayed: true, into: &candidates) }
        }
        return candidates
    }

    private func isLocal(_ node: String?) -> Bool { nodeName == nil || node == nodeName }

    /// Names are how a slice's ports find the Service's; two ports that share a number share no endpoints.
    private func collect(_ slice: EndpointSlice, for port: ServicePortSpec, into candidates: inout CandidateSet) {
        let ports = port.isAbsent && slice.ports.isEmpty ? [EndpointSlice.Port(port: 0)] : slice.ports
        for offered in ports where offered.name == port.name && offered.transport == port.transport {
            guard let number = offered.port else { continue }
            for entry in slice.endpoints {
                guard let ip = entry.address else { continue }
                let endpoint = ServiceEndpoint(
                    address: EndpointAddress(ip: ip, port: number), podName: entry.podName, hostname: entry.hostname,
                    isLocal: isLocal(entry.nodeName))
                candidates.insert(
                    EndpointCandidate(
                        endpoint: endpoint, isReady: entry.ready ?? true, isServing: entry.serving ?? true,
                        isTerminating: entry.terminating ?? false, zoneHints: entry.zoneHints,
                        nodeHints: entry.nodeHints))
            }
        }
    }

    private func collect(
        _ subset: Endpoints.Subset, for port: ServicePortSpec, into candidates: inout CandidateSet
    ) {
        let ports = port.isAbsent && subset.ports.isEmpty ? [Endpoints.Port(port: 0)] : subset.ports
        for offered in ports where offered.name == port.name {
            for (addresses, ready) in [(subset.notReadyAddresses, false), (subset.addresses, true)] {
                for address in addresses {
                    let endpoint = ServiceEndpoint(
                        address: EndpointAddress(ip: address.ip, port: offered.port), podName: address.podName,
                        hostname: address.hostname, isLocal: isLocal(address.nodeName))
                    candidates.insert(EndpointCandidate(endpoint: endpoint, isReady: ready, isServing: ready))
                }
            }
        }
    }

    /// As the endpoint controller would: a pod counts once it has an address and until it has ended.
    private mutating func collect(
        _ pod: Pod, for port: ServicePortSpec, isPlayed: Bool = false, into candidates: inout CandidateSet
    ) {
        guard !pod.isFinished, !pod.status.podIPs.isEmpty else { return }
        let number: UInt16
        switch port.targetPort {
        case nil: number = port.port
        case .number(let target): number = target
        case .name(let name):
            guard let target = pod.spec.containerPort(named: name, transport: port.transport) else {
                // Other pods may well have it: during a rename they differ. All pods of a template are alike, and where
                // none has it the absence is explained.
                if !isPlayed {
                    problems.append(
                        "\(label(port)): pod \(pod.metadata.name) has no \(port.transport.rawValue) port \(name)")
                }
                return
            }
            number = target
        }
        let ready = service.spec.publishNotReadyAddresses || (pod.isReady && !pod.isTerminating)
        // A pod names the one Service below which its host name stands.
        let hostname = pod.spec.subdomain == service.metadata.name ? pod.spec.hostname : nil
        for ip in pod.status.podIPs where isPlayed || isWanted(ip.family) {
            let endpoint = ServiceEndpoint(
                address: EndpointAddress(ip: ip, port: number), podName: pod.metadata.name, hostname: hostname,
                isLocal: isLocal(pod.spec.nodeName), isPlayed: isPlayed)
            candidates.insert(
                EndpointCandidate(
                    endpoint: endpoint, isReady: ready, isServing: pod.isReady, isTerminating: pod.isTerminating))
        }
    }

    private func isWanted(_ family: IPAddress.Family) -> Bool {
        let families = service.spec.ipFamilies
        return families.isEmpty || families.contains(family)
    }

    /// Endpoints that exist but under another port name or protocol are the most common mistake in manifests written by
    /// hand, and the silent result, a Service that refuses everybody, the hardest to understand.
    private mutating func explain(_ port: ServicePortSpec, offered: [(name: String, transport: TransportProtocol?)]) {
        guard !offered.isEmpty else { return }
        let matches = offered.contains { $0.name == port.name && ($0.transport ?? port.transport) == port.transport }
        guard !matches else { return }
        var (names, known) = ([String](), Set<String>())
        for (name, transport) in offered {
            let text = (name.isEmpty ? "(no name)" : name) + (transport.map { " \($0.rawValue)" } ?? "")
            if known.insert(text).inserted { names.append(text) }
        }
        var list = names.prefix(Self.mostNames).joined(separator: ", ")
        if names.count > Self.mostNames { list += " and \(names.count - Self.mostNames) more" }
        let kind = origin.source == .endpoints ? "Endpoints object has" : "EndpointSlices have"
        problems.append("\(label(port)) (\(port.transport.rawValue)): no endpoints, since its \(kind) only \(list)")
    }

    private func label(_ port: ServicePortSpec) -> String { "port \(port.name.isEmpty ? "\(port.port)" : port.name)" }
}
