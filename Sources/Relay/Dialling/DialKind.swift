internal import Balancing
internal import EventLoop

/// How an endpoint is reached. All kinds are begun by ``Worker/begin(_:to:of:for:_:)``, for clients and for probes
/// alike, and however one goes on from there, it comes to its end by ``Worker/conclude(_:_:)``.
enum DialKind: Sendable {
    /// By a connection to the endpoint's own address.
    case socket
    /// By a connection to what stands in for it on this machine.
    case standIn
    /// By a connection that somebody else makes, and of which one end is delivered when it stands.
    case tunnel(Tunnel)

    /// Every limit that an attempt may have, in milliseconds.
    static let limits = DialAttempts.timeouts + [DialAttempts.tunnelTimeout]

    /// Which of them holds for a client's attempt, of which the first is 1. A probe has what a first attempt has:
    /// whoever needs more is not ready for clients.
    func limit(ofAttempt attempt: Int) -> Int {
        switch self {
        case .socket, .standIn: min(max(attempt, 1), DialAttempts.timeouts.count) - 1
        case .tunnel: Self.limits.count - 1
        }
    }
}

/// Asks for a connection to an endpoint. Called on a worker's thread, so it must not block; it calls what it is given
/// once, from any thread, now or later. Nobody tells it that the connection is no longer wanted: one that is not is
/// closed on delivery.
typealias Tunnel = @Sendable (_ deliver: @escaping @Sendable (TunnelEnd) -> Void) -> Void

/// What asking for a connection came to.
enum TunnelEnd: Sendable {
    /// One end of a connection that stands: a non-blocking stream socket, the receiver's from here on.
    case connected(Int32)
    /// The errno of what went wrong.
    case failed(Int32)
}
