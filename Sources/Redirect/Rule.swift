public import Base

/// One iptables rule of the few shapes that leading traffic takes.
///
/// The properties stand in the order in which their matches are written. `iptables-save` prints another one, so rules
/// are compared as values, never as text.
public struct Rule: Hashable, Sendable {
    /// The service port the rule is for, or what a jump is there for.
    public var comment: String?
    public var transport: TransportProtocol?
    /// The destination ports; need a `transport`.
    public var ports: ClosedRange<UInt16>?
    public var destination: IPPrefix?
    public var source: IPPrefix?
    /// Only packets that did not come in by a port of a bridge: pods behind one reach an external address themselves.
    public var isNotFromBridge: Bool
    /// Only packets to an address of this host.
    public var isToLocalAddress: Bool
    /// Only the first packet of a connection or flow.
    public var isForNewOnly: Bool
    /// Only packets of connections and flows whose destination a rule has changed.
    public var isTranslated: Bool
    /// Only packets that a socket of this host waits for which was allowed to have an address of somebody else
    /// (IP_TRANSPARENT).
    public var isToTransparentSocket: Bool
    /// Further ones, in an order of their own.
    public private(set) var matches: [RuleMatch]
    public var target: RuleTarget

    public init(
        comment: String? = nil, transport: TransportProtocol? = nil, port: UInt16? = nil,
        destination: IPPrefix? = nil, source: IPPrefix? = nil, isNotFromBridge: Bool = false,
        isToLocalAddress: Bool = false, isForNewOnly: Bool = false, isTranslated: Bool = false,
        isToTransparentSocket: Bool = false, matches: [RuleMatch] = [], target: RuleTarget
    ) {
        self.comment = comment
        self.transport = transport
        ports = port.map { $0...$0 }
        self.destination = destination
        self.source = source
        self.isNotFromBridge = isNotFromBridge
        self.isToLocalAddress = isToLocalAddress
        self.isForNewOnly = isForNewOnly
        self.isTranslated = isTranslated
        self.isToTransparentSocket = isToTransparentSocket
        self.matches = matches.inOrder
        self.target = target
    }

    /// Whether only the kernel's own carrying of Services has such rules.
    var isOfKernelCarrier: Bool {
        switch target {
        case .toggleMark, .masquerade, .back, .nothing: true
        case .mark(let bits): bits != PolicyRoute.mark
        case .redirect, .dnat, .dnatPort, .accept, .drop, .reject, .jump: !matches.isEmpty
        }
    }

    mutating func add(_ match: RuleMatch) { matches = (matches + [match]).inOrder }

    /// The destination port, where there is one and not several.
    public var port: UInt16? { ports.flatMap { $0.count == 1 ? $0.lowerBound : nil } }
}

/// What becomes of a packet that a rule matches.
public enum RuleTarget: Hashable, Sendable {
    /// To this port of the address that the packet's interface has first. Never written, since it drops what comes in
    /// by an interface without an address; kube-proxy in userspace mode has left such rules.
    case redirect(UInt16)
    case dnat(EndpointAddress)
    /// To this port of the address that was asked.
    case dnatPort(UInt16)
    case accept
    case drop
    case reject(RejectReply)
    case jump(String)
    /// Sets these bits of the packet's mark, and leaves the others.
    case mark(UInt32)
    /// Changes these bits of the packet's mark into what they are not, and leaves the others.
    case toggleMark(UInt32)
    /// The packet leaves as if this host had sent it.
    case masquerade(randomPort: Bool)
    /// Back to the chain that it came from.
    case back
    /// Nothing: the rule says something to people.
    case nothing
}

/// How a client is told that there is nobody.
public enum RejectReply: String, Hashable, Sendable, CaseIterable {
    /// Not an ICMP message, as kube-proxy's default would be: the kernel sends those at a limited rate, and clients
    /// beyond it hang.
    case tcpReset = "tcp-reset"
    case icmpPortUnreachable = "icmp-port-unreachable"
    case icmp6PortUnreachable = "icmp6-port-unreachable"

    public init(_ transport: TransportProtocol, _ family: IPAddress.Family) {
        self = transport == .tcp ? .tcpReset : family == .ipv4 ? .icmpPortUnreachable : .icmp6PortUnreachable
    }
}
