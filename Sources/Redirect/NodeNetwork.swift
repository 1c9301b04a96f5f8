public import Base

/// What the rules of one family need to know of the node.
public struct NodeNetwork: Hashable, Sendable {
    /// An address of this node that others can have as their destination: where packets to addresses that are not its
    /// own are led to. Not a loopback address: the kernel takes none from elsewhere.
    public var hostIP: IPAddress
    /// The one address that the proxy listens on; nil means on all.
    public var bindAddress: IPAddress?
    /// Addresses of this node that take node ports; empty or of length 0 means all.
    public var nodePortRanges: [IPPrefix]
    /// The addresses of this node's pods. Under a Local external policy they are told apart from other machines;
    /// without ranges they are not, and count as outside.
    public var podRanges: [IPPrefix]
    /// The node's own addresses. One in the source ranges of a load-balancer address lets the node use that address as
    /// its source too.
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
