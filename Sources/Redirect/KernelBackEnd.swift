public import Base
public import Objects

/// A way to lead a node's traffic by rules in its kernel. It remembers what it has been told, so that a change costs
/// what has changed and nothing more.
///
/// What its objects in the kernel are called, which are its own, which another mode may have left and must go, and
/// whether their order matters, is its own knowledge and nobody else's. One call at a time.
public protocol KernelBackEnd: Sendable {
    /// Brings the kernel to all that it has been told by now, with this change. Without anything to do it starts no
    /// program. What a call fails to do, a later one does, whatever that one's own change is: nothing has to be told
    /// twice.
    ///
    /// - Parameter checking: looks whether somebody else has changed anything since, and puts it right.
    func apply(_ change: KernelChange, checking: Bool) async -> KernelResult

    /// Removes all that it has put into the kernel, and what other modes have left there. The next
    /// ``apply(_:checking:)`` makes everything anew.
    ///
    /// - Returns: why something may be left.
    func removeAll() async -> [RedirectError]

    /// This process ends and is not the one that serves: a program that it has started, such as one that waits for a lock,
    /// changes nothing any more. Any thread.
    func abandon()

    /// Others may have left something there since the start, which goes at the next look.
    func expectLeftovers() async

    /// Tells at once when others change what this one looks after; nil if nothing does.
    var watch: FirewallWatch? { get }
}

extension KernelBackEnd {
    public func abandon() {}
    public func expectLeftovers() async {}
}

/// What is different for a ``KernelBackEnd``.
public struct KernelChange: Hashable, Sendable {
    /// Of each Service that has changed all that there is to do; nothing if it has gone. No portal belongs to two Services.
    public var services: [ObjectKey: KernelService]
    /// What the node is like if that has changed; the first change has it. If its networks have, then all rules are
    /// made anew.
    public var node: NodeRedirection?

    public init(services: [ObjectKey: KernelService] = [:], node: NodeRedirection? = nil) {
        self.services = services
        self.node = node
    }

    public var isEmpty: Bool { services.isEmpty && node == nil }

    /// Adds what has changed after that.
    public mutating func merge(_ later: KernelChange) {
        services.merge(later.services) { $1 }
        node = later.node ?? node
    }
}

/// What the rules have to know of the node apart from its Services.
public struct NodeRedirection: Hashable, Sendable {
    /// A family without one has no rules.
    public var networks: [IPAddress.Family: NodeNetwork]
    /// Where the proxy's ports are taken from. Whoever dials one of them past the portals is dropped; a port of this
    /// range that another program has is left alone.
    public var proxyPorts: ClosedRange<UInt16>
    /// Ports at which this node answers questions about health, open whatever the host's own firewall says.
    public var healthPorts: [UInt16]
    /// The proxy dials endpoints of this node from the addresses of their clients. Then their answers must be led to
    /// it: by rules that mark them, and by a ``PolicyRoute``.
    public var preservesSource: Bool
    /// Whether Services are led to the proxy; if not, there is none of what that takes.
    public var redirects: Bool
    /// How the kernel carries Services by itself; nil if it carries none.
    public var carriage: KernelCarriage?

    public init(
        networks: [IPAddress.Family: NodeNetwork] = [:], proxyPorts: ClosedRange<UInt16> = 1...65_535,
        healthPorts: [UInt16] = [], preservesSource: Bool = false, redirects: Bool = true,
        carriage: KernelCarriage? = nil
    ) {
        self.networks = networks
        self.proxyPorts = proxyPorts
        self.healthPorts = healthPorts
        self.preservesSource = preservesSource
        self.redirects = redirects
        self.carriage = carriage
    }
}
