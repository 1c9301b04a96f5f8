public import Balancing
public import Base

/// One way for clients to a service port: an address, a port and a transport, and what is done with those who use it.
public struct Portal: Hashable, Sendable {
    public enum Place: Hashable, Sendable {
        case clusterIP(IPAddress)
        case externalIP(IPAddress)
        case loadBalancerIP(IPAddress)
        /// On the addresses that ``NodeNetwork/nodePortRanges`` admits.
        case nodePort(IPAddress.Family)
    }

    public enum Verdict: Hashable, Sendable {
        /// To this port of the proxy.
        case proxy(UInt16)
        /// To endpoints, by the kernel itself (``KernelService/carried``).
        case kernel
        /// There are no endpoints anywhere: clients are told at once.
        case reject
        /// There are endpoints, but none that the policy permits here: clients find out by themselves, so that a load
        /// balancer's retries go to another node.
        case drop
    }

    public var owner: ServicePortID
    public var place: Place
    /// The service port's number, or the node port.
    public var port: UInt16
    /// Who may come; empty means everybody. Others are dropped. For load-balancer addresses.
    public var sources: [IPPrefix]
    /// What clients get who come from other machines.
    public var outside: Verdict
    /// What this node and its pods get. It differs from `outside` under a Local external policy, which is for traffic
    /// from outside alone.
    public var inside: Verdict

    /// - Parameter inside: nil stands for the same as `outside`.
    public init(
        _ owner: ServicePortID, _ place: Place, port: UInt16, sources: [IPPrefix] = [], outside: Verdict,
        inside: Verdict? = nil
    ) {
        self.owner = owner
        self.place = place
        self.port = port
        self.sources = sources
        self.outside = outside
        self.inside = inside ?? outside
    }

    public var family: IPAddress.Family {
        switch place {
        case .clusterIP(let address), .externalIP(let address), .loadBalancerIP(let address): address.family
        case .nodePort(let family): family
        }
    }
}

extension Portal: Comparable {
    /// By service port, then by kind in the order in which kube-proxy's userspace mode opened them.
    public static func < (a: Portal, b: Portal) -> Bool {
        if a.owner != b.owner { return a.owner < b.owner }
        return (a.place.rank, a.place.address ?? IPAddress(v4: 0), a.family.rawValue, a.port)
            < (b.place.rank, b.place.address ?? IPAddress(v4: 0), b.family.rawValue, b.port)
    }
}

extension Portal.Place {
    fileprivate var rank: Int {
        switch self {
        case .clusterIP: 0
        case .externalIP: 1
        case .loadBalancerIP: 2
        case .nodePort: 3
        }
    }

    /// Nil for a node port, which is on any address of the node.
    public var address: IPAddress? {
        switch self {
        case .clusterIP(let address), .externalIP(let address), .loadBalancerIP(let address): address
        case .nodePort: nil
        }
    }
}
