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

    var isTunnel: Bool { if case .tunnel = self { true } else { false } }

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
