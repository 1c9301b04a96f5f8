internal import Balancing
internal import Base
public import Resolution

/// What the kernel is to do with the traffic of one Service.
public struct KernelService: Hashable, Sendable {
    /// Where the kernel takes it, in both families. They lead only to what is open.
    public var portals: [Portal]
    /// The service ports that the kernel carries to their endpoints by itself. Of those that are not among them the
    /// portals lead to the proxy.
    public var carried: [ServicePort]

    public init(portals: [Portal], carried: [ServicePort] = []) {
        self.portals = portals
        self.carried = carried
    }

    public var isEmpty: Bool { portals.isEmpty && carried.isEmpty }
}

extension KernelService: ExpressibleByArrayLiteral {
    public init(arrayLiteral portals: Portal...) { self.init(portals: portals) }
}

extension KernelService {
    /// All that concerns a family, portals in their order.
    func part(of family: IPAddress.Family) -> KernelService {
        // Most Services have one portal, which then needs no list of its own.
        let isOne = portals.count == 1 && portals[0].family == family
        let own = isOne ? portals : portals.filter { $0.family == family }.sorted()
        return KernelService(portals: own, carried: own.isEmpty ? [] : carried)
    }

    /// One for each service port, in their order.
    var parts: [(owner: ServicePortID, part: KernelService)] {
        Dictionary(grouping: portals, by: \.owner).sorted { $0.key < $1.key }.map { owner, portals in
            (owner, KernelService(portals: portals, carried: carried.filter { $0.id == owner }))
        }
    }

    func part(of owner: ServicePortID) -> KernelService {
        KernelService(portals: portals.filter { $0.owner == owner }, carried: carried.filter { $0.id == owner })
    }

    mutating func remove(_ owner: ServicePortID) {
        portals.removeAll { $0.owner == owner }
        carried.removeAll { $0.id == owner }
    }

    func removing(_ owners: Set<ServicePortID>) -> KernelService {
        if owners.isEmpty { return self }
        return KernelService(
            portals: portals.filter { !owners.contains($0.owner) },
            carried: carried.filter { !owners.contains($0.id) })
    }

    /// With what service ports of the same Service have, which has none of them.
    func adding(_ other: KernelService) -> KernelService {
        KernelService(portals: (portals + other.portals).sorted(), carried: carried + other.carried)
    }

    /// What leads to the proxy.
    var redirected: [Portal] {
        guard !carried.isEmpty else { return portals }
        let owners = Set(carried.map(\.id))
        return portals.filter { !owners.contains($0.owner) }
    }
}

extension ServicePort {
    var id: ServicePortID { ServicePortID(name, transport) }
}
