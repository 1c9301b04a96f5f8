public import Base

/// What a node's proxy refuses to capture and to dial, whoever asks for it: the network that it is in is more than
/// those who write Services and endpoints may use, and what it captures is lost to the node's own programs.
public struct NodeSafety: Hashable, Sendable {
    /// This node's own addresses; those of all Node objects count in any case.
    public var addresses: Set<IPAddress>
    /// Where the proxy itself finds its API server, over TCP: if it captured that, it would wait for itself.
    public var apiServer: EndpointAddress?
    /// The only addresses that Services may have as external IPs; nil for any.
    public var allowedExternalIPs: [IPPrefix]?

    public init(
        addresses: Set<IPAddress> = [], apiServer: EndpointAddress? = nil, allowedExternalIPs: [IPPrefix]? = nil
    ) {
        self.addresses = addresses
        self.apiServer = apiServer
        self.allowedExternalIPs = allowedExternalIPs
    }

    /// Why no Service may have it; nil if one may.
    func reasonToRefuse(_ place: PortalAddress) -> String? {
        guard let apiServer, place == .address(apiServer, .tcp) else { return nil }
        return "this proxy's own way to its API server"
    }

    /// Whether a Service may have this external IP, as far as that is for the node's owner to say. Load-balancer IPs
    /// are not asked about: they are part of the status, which controllers write and not those who write Services.
    public func allows(externalIP address: IPAddress) -> Bool {
        allowedExternalIPs?.contains { $0.contains(address) } ?? true
    }
}

extension ServiceAddresses {
    /// Takes out what a Service must not have.
    ///
    /// External addresses of the node are let through: people serve at those on purpose, and a port that one of the
    /// node's programs listens on stays with that program.
    ///
    /// - Parameter isNodeAddress: whether an address is that of a node.
    mutating func refuse(by safety: NodeSafety, isNodeAddress: (IPAddress) -> Bool) -> [String] {
        var refusals: [String] = []
        func keep(_ address: IPAddress, _ field: String, unless reason: String? = nil) -> Bool {
            guard let kind = address.specialKind ?? reason else { return true }
            refusals.append("\(field) \(address) is refused: it is \(kind)")
            return false
        }
        clusterIPs = clusterIPs.filter {
            keep($0, "cluster IP", unless: isNodeAddress($0) ? "an address of a node" : nil)
        }
        externalIPs = externalIPs.filter {
            keep($0, "external IP", unless: safety.allows(externalIP: $0) ? nil : "outside --allowed-external-ips")
        }
        loadBalancerIPs = loadBalancerIPs.filter { keep($0, "load-balancer IP") }
        return refusals
    }
}
