internal import EventLoop

/// Settings of the data plane, fixed at start.
public struct RelayConfiguration: Sendable {
    /// Event loops, each with its thread; one per core unless told otherwise.
    public var workers: Int
    /// Milliseconds that a connection may stay open with one direction ended and nothing moving in the other. The default
    /// is the hour that the kernel's connection tracking grants CLOSE_WAIT.
    public var halfOpenLimit: UInt64 = 3_600_000
    /// Milliseconds until a connection's endpoint socket gets its keep-alive: that takes four calls, which a connection
    /// that is over by then never needed. The first probe would not be due before 15 s anyway.
    var youth: UInt64 = 5000
    /// How long UDP flows may be silent.
    var flowTimeouts = FlowTimeouts()
    /// One limit for all UDP flows, in milliseconds, in place of those that follow what a flow has done so far.
    public var udpTimeout: UInt64? {
        didSet { flowTimeouts = udpTimeout.map(FlowTimeouts.init(fixed:)) ?? FlowTimeouts() }
    }
    /// Whether every ended connection is reported.
    public var reportsConnections = false
    /// How the process's descriptors are shared out.
    public var budget: DescriptorBudget

    public init(workers: Int, budget: DescriptorBudget) {
        self.workers = max(1, workers)
        self.budget = budget
    }
}

/// Shares out the process's descriptors, so that no part of the relay starves another (DESIGN, "Descriptors are a budget").
public struct DescriptorBudget: Sendable, Equatable {
    /// Listening sockets in all. Within it every worker listens on every service port; beyond it each service port belongs
    /// to one worker.
    public let listeners: Int
    /// Connections at one time, with two descriptors each.
    public let connections: Int
    /// UDP flows at one time, with one descriptor each.
    public let flows: Int
    /// Connections that are being dialled at one time.
    public let dials: Int
    /// Pipes, with two descriptors each.
    public let pipes: Int

    /// - Parameter limit: the descriptors that the process may open (its soft RLIMIT_NOFILE).
    public init(limit: Int) {
        // For logs, files, epoll sets, the demo pods' own sockets and libraries.
        let own = min(64, limit / 4)
        pipes = min(128, limit / 16)
        listeners = limit / 4
        flows = max(1, limit / 8)
        connections = max(1, (limit - own - listeners - 2 * pipes - flows) / 2)
        dials = max(1, min(4096, connections / 2))
    }
}
