public import Base

/// All portals of a node, and what its networks are like: from it follow the rules.
public struct RedirectPlan: Hashable, Sendable {
    public var portals: [Portal]
    /// Nil where the family is not served: there are no rules then.
    public var ipv4: NodeNetwork?
    public var ipv6: NodeNetwork?
    /// Where the proxy's ports are taken from. Whoever dials one of them past the portals is dropped; a port of this range that
    /// another program has is left alone.
    public var proxyPorts: ClosedRange<UInt16>
    /// Ports at which this node answers questions about health, open whatever the host's own firewall says.
    public var healthPorts: [UInt16]
    /// The proxy dials endpoints of this node from the addresses of their clients. Then their answers must be led to it: by
    /// rules that mark them, and by a ``PolicyRoute``, which ``Applier`` sees to.
    public var preservesSource: Bool

    public init(
        portals: [Portal] = [], ipv4: NodeNetwork? = nil, ipv6: NodeNetwork? = nil,
        proxyPorts: ClosedRange<UInt16> = 1...65_535, healthPorts: [UInt16] = [], preservesSource: Bool = false
    ) {
        self.portals = portals
        self.ipv4 = ipv4
        self.ipv6 = ipv6
        self.proxyPorts = proxyPorts
        self.healthPorts = healthPorts
        self.preservesSource = preservesSource
    }

    public func network(_ family: IPAddress.Family) -> NodeNetwork? { family == .ipv4 ? ipv4 : ipv6 }
}

/// What the rules of one family need to know of the node.
public struct NodeNetwork: Hashable, Sendable {
    /// An address of this node that others can have as their destination: where packets to addresses that are not its own are
    /// led to. Not a loopback address: the kernel takes none from elsewhere.
    public var hostIP: IPAddress
    /// The one address that the proxy listens on; nil means on all.
    public var bindAddress: IPAddress?
    /// Addresses of this node that take node ports; empty or of length 0 means all.
    public var nodePortRanges: [IPPrefix]
    /// The addresses of this node's pods. Under a Local external policy they are told apart from other machines; without
    /// ranges they are not, and count as outside.
    public var podRanges: [IPPrefix]
    /// The node's own addresses. One in the source ranges of a load-balancer address lets the node use that address as its
    /// source too.
    public var nodeAddresses: [IPAddress]

    public init(
        hostIP: IPAddress, bindAddress: IPAddress? = nil, nodePortRanges: [IPPrefix] = [], podRanges: [IPPrefix] = [],
        nodeAddresses: [IPAddress] = []
    ) {
        self.hostIP = hostIP
        self.bindAddress = bindAddress
        self.nodePortRanges = nodePortRanges
        self.podRanges = podRanges
        self.nodeAddresses = nodeAddresses
    }
}
