/// Asks for a connection to an endpoint that somebody else makes. Called on a worker's thread, so it must not block; it
/// calls what it is given from any thread, now or later: once with how the attempt ended, and where that was
/// ``TunnelEnd/connected(_:)``, once more at most. Nobody tells it that the connection is no longer wanted: one that is
/// not is closed on delivery.
///
/// A tunnel need not know whether the endpoint takes the connection before it delivers, since some never hear of that:
/// it may take the delivery back, and the client is given to another endpoint with all that it has said.
public typealias Tunnel = @Sendable (_ deliver: @escaping @Sendable (TunnelEnd) -> Void) -> Void

/// What asking for a connection came to, or the connection itself later.
public enum TunnelEnd: Sendable {
    /// One end of a connection that stands: a non-blocking stream socket, such as one of a pair; the receiver's from
    /// here on.
    case connected(Int32)
    /// The errno of what went wrong.
    case failed(Int32)
    /// After `connected`: the endpoint has not taken the connection, and nothing at all has been written to it from that
    /// side. An errno, what has been read of it, and the other end of the pair, with what has not been read: the
    /// receiver's from here on. This is one more failed attempt.
    case withdrawn(Int32, taken: [UInt8], rest: Int32)
    /// After `connected`: it has broken after something was written, and the client is to see that it is no proper end.
    /// All that was written has to be in the pair before, and the other end stays open until this one closes.
    case broken(Int32)
}
