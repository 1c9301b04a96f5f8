public import Base

/// How the kernel carries Services by itself, as far as the node's operator has a say in it.
public struct KernelCarriage: Hashable, Sendable {
    /// By what the traffic of this node's pods is told from others'; nil goes by ``NodeNetwork/podRanges``.
    public var podInterfaces: ServiceChainNode.LocalTraffic?
    /// Whether node ports answer on IPv4's loopback addresses by rules, for which the kernel has to be told to route these
    /// (`net.ipv4.conf.all.route_localnet`). Without that the sockets that claim node ports answer there.
    public var routesLocalhost: Bool
    /// The bit of a packet's mark that says that it is to leave as if this node had sent it, 0 to 31.
    public var masqueradeBit: Int
    /// Whether all that goes to cluster IPs does.
    public var masqueradesAll: Bool
    /// See ``ServiceChainNode/dropsInvalid``.
    public var dropsInvalid: Bool

    public init(
        podInterfaces: ServiceChainNode.LocalTraffic? = nil, routesLocalhost: Bool = true, masqueradeBit: Int = 14,
        masqueradesAll: Bool = false, dropsInvalid: Bool = true
    ) {
        self.podInterfaces = podInterfaces
        self.routesLocalhost = routesLocalhost
        self.masqueradeBit = masqueradeBit
        self.masqueradesAll = masqueradesAll
        self.dropsInvalid = dropsInvalid
    }
}
