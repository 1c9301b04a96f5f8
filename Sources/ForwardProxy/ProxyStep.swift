internal import Base

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

extension ArraySlice<UInt8> {
    /// Of 4 or 16 bytes, the address that they are in network order.
    var address: IPAddress {
        func number(_ bytes: ArraySlice<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        return count == 4
            ? IPAddress(v4: UInt32(truncatingIfNeeded: number(self)))
            : IPAddress(v6High: number(prefix(8)), low: number(dropFirst(8).prefix(8)))
    }
}
