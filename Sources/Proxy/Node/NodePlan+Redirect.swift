public import Balancing
public import Base
internal import Objects
public import Redirect
internal import Resolution

extension NodePlan {
    /// All that the kernel is to do, as far as the relay listens.
    ///
    /// - Parameters:
    ///   - isOpen: whether a door of the plan is open. A port that somebody else holds is not taken from him.
    ///   - isHeld: whether a program of this node has a port that the plan has no door at.
    public func redirect(
        isOpen: (ServicePortID, PlannedDoor) -> Bool = { _, _ in true },
        isHeld: (EndpointAddress, ServicePortID) -> Bool = { _, _ in false }
    ) -> KernelChange {
        var closed = ClosedDoors()
        for port in relay.ports {
            for door in port.doors where !isOpen(port.id, door) { closed.insert(door, of: port.id) }
        }
        var wanted = KernelChange(
            node: NodeRedirection(
                networks: addresses.networks, proxyPorts: proxyPorts.ports, healthPorts: healthPorts,
                preservesSource: preservesSource))
        for redirected in redirected {
            let portals = Portal.portals(of: redirected.port, proxy: redirected.proxy).filter { portal in
                !closed.contains(portal) && !(unclaimed(portal).map { isHeld($0, portal.owner) } ?? false)
            }
            let name = redirected.port.name
            wanted.services[ObjectKey(namespace: name.namespace, name: name.service), default: []] += portals
        }
        return wanted
    }

    /// The address of a portal that is this node's own, and is not claimed by a door since not everybody may use it.
    private func unclaimed(_ portal: Portal) -> EndpointAddress? {
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

extension KernelChange {
    /// What is to be told where `told` was told before, and this is all there is.
    func since(_ told: KernelChange) -> KernelChange {
        var change = KernelChange(services: services.filter { $1 != told.services[$0] }, node: node)
        for key in told.services.keys where services[key] == nil { change.services[key] = [] }
        if node == told.node { change.node = nil }
        return change
    }
}
