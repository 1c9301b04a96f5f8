internal import Balancing
public import Base
internal import Objects

/// Where a proxy captures traffic, and for whom. What it dials must not be among it: it would be its own client, and that one's
/// client, until nothing is left of the machine.
public struct CapturedAddresses: Hashable, Sendable {
    private struct Place: Hashable {
        let transport: TransportProtocol
        let address: EndpointAddress
    }

    private struct NodePort: Hashable {
        let transport: TransportProtocol
        let port: UInt16
    }

    /// A kind of portal, in words, and the service port it leads to.
    private struct Portal: Hashable {
        let kind: String
        let owner: ServicePortName
    }

    private var places: [Place: Portal] = [:]
    private var nodePorts: [NodePort: ServicePortName] = [:]
    /// On which node ports are: of this node and of all others, whose proxies would send the traffic back.
    private var nodes: Set<IPAddress>

    public init(nodes: Set<IPAddress> = []) {
        self.nodes = nodes
    }

    mutating func insert(_ port: ServicePortSpec, of name: ServicePortName, at addresses: ServiceAddresses) {
        for (kind, ips) in [
            ("cluster IP", addresses.clusterIPs), ("external IP", addresses.externalIPs),
            ("load-balancer IP", addresses.loadBalancerIPs),
        ] {
            for ip in ips {
                let address = EndpointAddress(ip: ip, port: port.port)
                places[Place(transport: port.transport, address: address)] = Portal(kind: kind, owner: name)
            }
        }
        if let number = port.nodePort { nodePorts[NodePort(transport: port.transport, port: number)] = name }
    }

    /// Takes in what `other` captures, too.
    public mutating func formUnion(_ other: CapturedAddresses) {
        places.merge(other.places) { own, _ in own }
        nodePorts.merge(other.nodePorts) { own, _ in own }
        nodes.formUnion(other.nodes)
    }

    /// What captures `address`, such as `the cluster IP of default/web`; nil if nothing does.
    func portal(at address: EndpointAddress, _ transport: TransportProtocol) -> String? {
        if let portal = places[Place(transport: transport, address: address)] {
            return "the \(portal.kind) of \(portal.owner)"
        }
        guard nodes.contains(address.ip) else { return nil }
        return nodePorts[NodePort(transport: transport, port: address.port)].map { "the node port of \($0)" }
    }
}
