/// Whether a client keeps the endpoint it was given.
public enum SessionAffinity: Hashable, Sendable {
    case none
    /// By client address, for so many seconds since its last new connection.
    case clientIP(seconds: Int)
}
