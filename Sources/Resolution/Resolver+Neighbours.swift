internal import Base
internal import Cluster
internal import Objects

/// What Services share with each other, and with the node.
extension Resolver {
    /// Of this node and, as far as there are objects, of all others.
    func isNodeAddress(_ address: IPAddress) -> Bool {
        store.isNodeAddress(address) || context.safety?.addresses.contains(address) == true
    }

    /// Who takes what is sent to an address, such as `an address of Service default/web`; nil if nobody does. A proxy
    /// that dialled it would be its own client, in a loop that uses up the machine.
    func owner(of address: EndpointAddress, _ transport: TransportProtocol) -> String? {
        if let owner = owner(of: .address(address, transport)) { return "an address of Service \(owner)" }
        // The proxies of other nodes would send it back.
        guard isNodeAddress(address.ip) else { return nil }
        return owner(of: .nodePort(address.port, transport)).map { "a node port of Service \($0)" }
    }

    /// Who has it, or had it when the rules that are in force were made.
    private func owner(of place: PortalAddress) -> ObjectKey? { claims.holder(of: place) ?? former.owner(of: place) }

    /// Services some of whose endpoints are refused while somebody has this place.
    func neighbours(of place: PortalAddress) -> Set<ObjectKey> {
        switch place {
        case .address(let address, _):
            store.services(withEndpointAt: address.ip) { $0 == address.port }
        case .nodePort(let port, _):
            (context.safety?.addresses ?? []).union(store.nodeAddresses)
                .reduce(into: []) { $0.formUnion(store.services(withEndpointAt: $1) { $0 == port }) }
        case .healthCheck: []
        }
    }

    /// Services to which it matters whether an address is a node's: it cannot be a cluster IP then, and its node ports
    /// lead to Services. On a developer's machine it matters to none.
    func neighbours(ofNodeAddress address: IPAddress) -> Set<ObjectKey> {
        guard context.safety != nil else { return [] }
        return store.services(withClusterIP: address).union(
            store.services(withEndpointAt: address) { port in
                [.tcp, .udp].contains { owner(of: .nodePort(port, $0)) != nil }
            })
    }
}
