internal import Balancing
internal import Base
internal import Redirect
internal import Resolution
internal import Status

extension ServicePlan {
    /// The portals of its ports, as far as the relay listens.
    ///
    /// - Parameters:
    ///   - addresses: those of the node.
    ///   - status: of its ports; nil takes all doors for open. A port that somebody else holds is not taken from him.
    ///   - isHeld: whether a program of this node has a port that the plan has no door at.
    func portals(
        on addresses: NodeAddresses, _ status: [PortStatus]? = nil,
        isHeld: (EndpointAddress, ServicePortID) -> Bool = { _, _ in false }
    ) -> [Portal] {
        var closed = ClosedDoors()
        for port in status == nil ? [] : ports {
            let known = (status ?? []).filter { $0.id == port.id }.flatMap(\.doors)
            let open = Set(known.filter { $0.listening != nil }.map(\.wanted))
            for door in port.doors where !open.contains(door.address) {
                // The kernel needs no socket for what it carries: only what another program has is left to that.
                let isHeld = known.contains { $0.wanted == door.address && $0.isInUse }
                if carried.isEmpty || isHeld { closed.insert(door, of: port.id) }
            }
        }
        let led = redirected.count == 1 ? redirected[0].portals : redirected.flatMap(\.portals)
        let portals = carried.isEmpty ? led : led + carried.flatMap { Portal.portals(of: $0, proxy: nil) }
        let open = portals.filter { portal in
            !closed.contains(portal) && !(unclaimed(portal, addresses).map { isHeld($0, portal.owner) } ?? false)
        }
        // Nearly always, and then the list is there once.
        return open.count == portals.count ? portals : open
    }

    /// The address of a portal that is this node's own, and is not claimed by a door since not everybody may use it.
    private func unclaimed(_ portal: Portal, _ addresses: NodeAddresses) -> EndpointAddress? {
        guard case .loadBalancerIP(let ip) = portal.place, !portal.sources.isEmpty,
            addresses.local[ip.family]?.contains(ip) == true
        else { return nil }
        return EndpointAddress(ip: ip, port: portal.port)
    }
}

/// Doors that are not open, in terms of the portals that depend on them.
private struct ClosedDoors {
    private struct Proxy: Hashable {
        let owner: ServicePortID
        let family: IPAddress.Family
    }

    private struct Claim: Hashable {
        let owner: ServicePortID
        /// Nil for a node port, at whichever address.
        let address: IPAddress?
        let family: IPAddress.Family
        let port: UInt16
    }

    private var proxies: Set<Proxy> = []
    private var claims: Set<Claim> = []

    mutating func insert(_ door: PlannedDoor, of id: ServicePortID) {
        let owner = ServicePortID(id.name, id.transport)
        let (family, port) = (id.list.family, door.address.port)
        if door.role == .proxy {
            proxies.insert(Proxy(owner: owner, family: family))
        } else {
            for address in [door.address.ip, nil] {
                claims.insert(Claim(owner: owner, address: address, family: family, port: port))
            }
        }
    }

    func contains(_ portal: Portal) -> Bool {
        if proxies.contains(Proxy(owner: portal.owner, family: portal.family)) { return true }
        let address: IPAddress?
        switch portal.place {
        case .clusterIP: return false
        case .externalIP(let ip), .loadBalancerIP(let ip): address = ip
        case .nodePort: address = nil
        }
        return claims.contains(
            Claim(owner: portal.owner, address: address, family: portal.family, port: portal.port))
    }
}
