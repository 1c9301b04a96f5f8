public import Base

/// What a node's proxy refuses to capture and to dial, whoever asks for it: the network that it is in is more than those who
/// write Services and endpoints may use, and what it captures is lost to the node's own programs.
public struct NodeSafety: Hashable, Sendable {
    /// This node's own addresses; those of all Node objects count in any case.
    public var addresses: Set<IPAddress>
    /// Where the proxy itself finds its API server, over TCP: if it captured that, it would wait for itself.
    public var apiServer: EndpointAddress?

    public init(addresses: Set<IPAddress> = [], apiServer: EndpointAddress? = nil) {
        self.addresses = addresses
        self.apiServer = apiServer
    }

    /// Why no Service may have it; nil if one may.
    func reasonToRefuse(_ place: PortalAddress) -> String? {
        guard let apiServer, place == .address(apiServer, .tcp) else { return nil }
        return "this proxy's own way to its API server"
    }
}

extension ServiceAddresses {
    /// Takes out what a Service must not have.
    ///
    /// External addresses of the node are let through: people serve at those on purpose, and a port that one of the node's
    /// programs listens on stays with that program.
    ///
    /// - Parameter isNodeAddress: whether an address is that of a node.
    mutating func refuse(isNodeAddress: (IPAddress) -> Bool) -> [String] {
        var refusals: [String] = []
        func keep(_ address: IPAddress, _ field: String, isTaken: Bool) -> Bool {
            guard let kind = address.specialKind ?? (isTaken ? "an address of a node" : nil) else { return true }
            refusals.append("\(field) \(address) is refused: it is \(kind)")
            return false
        }
        clusterIPs = clusterIPs.filter { keep($0, "cluster IP", isTaken: isNodeAddress($0)) }
        externalIPs = externalIPs.filter { keep($0, "external IP", isTaken: false) }
        loadBalancerIPs = loadBalancerIPs.filter { keep($0, "load-balancer IP", isTaken: false) }
        return refusals
    }
}
