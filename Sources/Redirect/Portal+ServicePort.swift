internal import Balancing
internal import Base
public import Resolution

/// The ports of the proxy that serve one service port.
public struct ProxyPorts: Hashable, Sendable {
    /// Carries to the cluster list of endpoints.
    public var cluster: UInt16
    /// Carries to the endpoints of this node only. Nil if no policy is Local.
    public var local: UInt16?

    public init(cluster: UInt16, local: UInt16? = nil) {
        self.cluster = cluster
        self.local = local
    }
}

extension Portal {
    /// All portals of a service port, in both families (docs/behaviour.md, B9.2 and B9.3).
    ///
    /// - Parameter proxy: where the proxy listens for it; nil if the kernel carries it.
    public static func portals(of port: ServicePort, proxy: ProxyPorts?) -> [Portal] {
        let owner = ServicePortID(port.name, port.transport)
        func verdict(_ family: IPAddress.Family, _ policy: TrafficPolicy) -> Verdict {
            port.verdict(family, policy, proxy)
        }
        func external(_ place: Place, _ number: UInt16, sources: [IPPrefix] = []) -> Portal {
            let family = Portal(owner, place, port: number, outside: .drop).family
            // A Local external policy is for traffic from outside; the node and its pods use the cluster list.
            return Portal(
                owner, place, port: number, sources: sources, outside: verdict(family, port.externalTrafficPolicy),
                inside: verdict(family, .cluster))
        }
        var portals = port.clusterIPs.map { address in
            Portal(
                owner, .clusterIP(address), port: port.port,
                outside: verdict(address.family, port.internalTrafficPolicy))
        }
        portals += port.externalIPs.map { external(.externalIP($0), port.port) }
        portals += port.loadBalancerIPs.map { address in
            external(.loadBalancerIP(address), port.port, sources: port.sourceRanges(for: address.family))
        }
        if let nodePort = port.nodePort {
            portals += IPAddress.Family.allCases.map { external(.nodePort($0), nodePort) }
        }
        // The kernel cannot carry from one family into the other. A Service whose cluster IP was refused is in both, by its
        // other addresses.
        if proxy == nil, !port.clusterIPs.isEmpty {
            portals.removeAll { portal in !port.clusterIPs.contains { $0.family == portal.family } }
        }
        return portals
    }
}

extension ServicePort {
    fileprivate func verdict(
        _ family: IPAddress.Family, _ policy: TrafficPolicy, _ proxy: ProxyPorts?
    ) -> Portal.Verdict {
        let own = family == .ipv4 ? endpoints.ipv4 : endpoints.ipv6
        let selection = proxy == nil ? own : endpoints.selection(for: family)
        // A client that is to wait for an endpoint has to reach the proxy even while there is none.
        let isServed = !selection.endpoints(under: policy).isEmpty
        if let proxy, isServed || (transport == .tcp && options.holdSeconds > 0) {
            return .proxy(policy == .local ? proxy.local ?? proxy.cluster : proxy.cluster)
        }
        if proxy == nil, isServed { return .kernel }
        return selection.hasAny ? .drop : .reject
    }
}
