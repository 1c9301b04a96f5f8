internal import Balancing
internal import Base
internal import Objects

/// Gives the ports of one Service what the Service has on the node, each place to the first port that wants it.
struct PortalShare {
    private let key: ObjectKey
    private let claims: ClaimTable<PortalAddress, ObjectKey>
    /// Nil where everybody may have everything.
    private let safety: NodeSafety?
    /// Which port has what.
    private var given: [PortalAddress: String] = [:]
    /// What the Service goes without, and who has it.
    private(set) var losses: [String] = []
    /// What no Service may have.
    private(set) var refusals: [String] = []

    init(of key: ObjectKey, in claims: ClaimTable<PortalAddress, ObjectKey>, _ safety: NodeSafety?) {
        self.key = key
        self.claims = claims
        self.safety = safety
    }

    /// A port as its Service describes it, at the places that it has; its endpoints are left open.
    mutating func port(_ spec: ServicePortSpec, of service: Service, at addresses: ServiceAddresses) -> ServicePort {
        ServicePort(
            name: ServicePortName(namespace: key.namespace, service: key.name, port: spec.name),
            transport: spec.transport, port: spec.port,
            clusterIPs: kept(addresses.clusterIPs, "cluster IP", by: spec),
            nodePort: spec.nodePort.flatMap {
                isKept(.nodePort($0, spec.transport), "node port \($0)/\(spec.transport.rawValue)", by: spec.label)
                    ? $0 : nil
            },
            externalIPs: kept(addresses.externalIPs, "external IP", by: spec),
            loadBalancerIPs: kept(addresses.loadBalancerIPs, "load-balancer IP", by: spec),
            loadBalancerSourceRanges: addresses.sourceRanges,
            affinity: service.spec.clientIPAffinity ? .clientIP(seconds: service.spec.affinityTimeout) : .none,
            internalTrafficPolicy: service.spec.internalTrafficPolicy,
            externalTrafficPolicy: service.spec.externalTrafficPolicy)
    }

    mutating func healthCheck(of service: Service, localEndpoints: Int) -> ServiceHealthCheck? {
        guard let number = service.servedHealthCheckNodePort,
            isKept(.healthCheck(number), "health check node port \(number)", by: nil)
        else { return nil }
        return ServiceHealthCheck(nodePort: number, localEndpoints: localEndpoints)
    }

    private mutating func kept(_ addresses: [IPAddress], _ kind: String, by port: ServicePortSpec) -> [IPAddress] {
        if safety == nil { return addresses }
        var kept: [IPAddress] = []
        for ip in addresses {
            let place = PortalAddress.address(EndpointAddress(ip: ip, port: port.port), port.transport)
            if isKept(place, "\(kind) \(ip) with port \(port.port)/\(port.transport.rawValue)", by: port.label) {
                kept.append(ip)
            }
        }
        // Mostly all: then the ports of a Service share one list.
        return kept.count == addresses.count ? addresses : kept
    }

    /// - Parameter port: nil for the Service as such.
    private mutating func isKept(
        _ place: PortalAddress, _ what: @autoclosure () -> String, by port: String?
    ) -> Bool {
        guard let safety else { return true }
        let prefix = port.map { "\($0): " } ?? ""
        if let reason = safety.reasonToRefuse(place) {
            refusals.append("\(prefix)\(what()) is refused: it is \(reason)")
            return false
        }
        guard let holder = claims.holder(of: place), holder == key else {
            let other = claims.holder(of: place).map { "Service \($0)" } ?? "another Service"
            losses.append("\(prefix)\(what()) belongs to \(other); not served there until that one gives it up")
            return false
        }
        // An address may be external and the load balancer's at once.
        guard let port, let other = given[place], other != port else {
            given[place] = port
            return true
        }
        losses.append("\(prefix)\(what()) belongs to \(other) of this Service; not served there")
        return false
    }
}
