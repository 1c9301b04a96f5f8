public import Balancing
internal import EventLoop

/// Settings of the data plane, fixed at start.
public struct RelayConfiguration: Sendable {
    /// Event loops, each with its thread; one per core unless told otherwise.
    public var workers: Int
    /// Milliseconds that a connection may stay open with one direction ended and nothing moving in the other. The
    /// default is the hour that the kernel's connection tracking grants CLOSE_WAIT.
    public var halfOpenLimit: UInt64 = 3_600_000
    /// Milliseconds that a peer may take nothing of what the other side sent before it broke the connection; then the
    /// rest is given up. Nobody else is there to end such a connection, whose peer may have vanished too.
    var deliveryLimit: UInt64 = 60_000
    /// Milliseconds until a connection's endpoint socket gets its keep-alive: that takes four calls, which a connection
    /// that is over by then never needed. The first probe would not be due before 15 s anyway.
    var youth: UInt64 = 5000
    /// Says which endpoints of which service port are reached by a tunnel, and by which; nil for those that are not.
    /// Asked on the workers' threads, several times for each connection.
    public var tunnels: (@Sendable (ServicePortID, Endpoint) -> Tunnel?)?
    /// How long UDP flows may be silent.
    var flowTimeouts = FlowTimeouts()
    /// One limit for all UDP flows, in milliseconds, in place of those that follow what a flow has done so far.
    public var udpTimeout: UInt64? {
        didSet { flowTimeouts = udpTimeout.map(FlowTimeouts.init(fixed:)) ?? FlowTimeouts() }
    }
    /// Whose programs may connect over TCP; nil for everybody's, at no cost. All others are reset before anything is
    /// dialled, and so are clients of other machines and network namespaces, whose users nobody here knows.
    var peers: PeerPolicy?
    /// Only programs of the user that this process runs as are served, over TCP: for what carries that user's
    /// credentials. The relay cannot be made if the kernel does not say who has a connection.
    public var servesOnlyOwnUser: Bool {
        get { peers != nil }
        set { peers = newValue ? .ofThisProcess() : nil }
    }
    /// Whether every ended connection is reported, and not only those of clients that were reset for want of something.
    public var reportsConnections = false
    /// Whether every TCP client is reported when it comes.
    public var reportsClients = false
    /// How the process's descriptors are shared out.
    public var budget: DescriptorBudget
    /// Descriptors of this number and above are left to the rest of the process. The kernel gives the lowest number
    /// that is free, so one of this number means that so many are open, whoever has them.
    public var descriptorCeiling = Int.max

    public init(workers: Int, budget: DescriptorBudget) {
        self.workers = max(1, workers)
        self.budget = budget
    }
}
