/// Shares out the process's descriptors, so that no part of it starves another.
///
/// The control plane comes first: it must be able to read files and start programs however much the data plane has to
/// do. Five eighths of the rest may be listening sockets: a Service that is not served at all is worse than one whose
/// clients wait. What these do not use is for connections, but for some room to grow.
public struct DescriptorBudget: Sendable, Equatable {
    /// The descriptors that the process may have open.
    public let limit: Int
    /// For all that is not the relay's: loops, logs, files, child processes, health checks.
    public let control: Int
    /// Listening sockets in all.
    public let listeners: Int
    /// Listening sockets that may be opened before connections have less room.
    private let headroom: Int
    /// UDP flows at one time, with one descriptor each.
    public let flows: Int
    /// Pipes, with two descriptors each.
    public let pipes: Int

    /// - Parameter limit: the descriptors that the process may open (its soft RLIMIT_NOFILE).
    public init(limit: Int) {
        self.limit = limit
        control = min(512, limit / 4)
        let rest = limit - control
        listeners = max(1, rest * 5 / 8)
        headroom = rest / 8
        flows = max(1, rest / 8)
        pipes = min(128, rest / 16)
    }

    /// Connections at one time, with two descriptors each, beside so many listening sockets.
    public func connections(beside listening: Int) -> Int {
        let taken = min(listening + headroom, max(listeners, listening))
        return max(1, (limit - control - 2 * pipes - flows - taken) / 2)
    }

    /// Connections at one time while few sockets listen: the most there may be.
    public var connections: Int { connections(beside: 0) }

    /// Connections that are being dialled at one time.
    public var dials: Int { max(1, min(4096, connections / 2)) }

    /// The number of the first descriptor that the data plane leaves alone, see
    /// ``RelayConfiguration/descriptorCeiling``: half of the control plane's part is in use from the start, and the
    /// other half is there whenever it is needed.
    public var ceiling: Int { limit - control / 2 }
}
