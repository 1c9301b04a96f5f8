/// What is to be done next in a handshake.
enum ProxyStep: Equatable {
    /// Wait for more of what the client sends.
    case needsMore
    case send([UInt8])
    /// Find out whether the client may be connected to this, and go on by what that comes to.
    case ask(ForwardTarget)
    /// Send this, and end the connection.
    case refuse([UInt8], wrongPassword: Bool)
    /// End the connection: what has come is nothing that could be answered.
    case hangUp
}
