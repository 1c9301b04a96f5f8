/// A small neighbour of a large load: what it does again and again, and where.
public struct NeighbourSpec: Codable, Sendable {
    public enum Kind: String, Codable, Sendable {
        /// One byte there and back on one connection that stays.
        case roundTrip
        /// A new connection, and one byte there and back on it.
        case connect
        /// A datagram there and back, on several flows in turn.
        case datagram
    }

    /// As the result calls it.
    public var name: String
    public var kind: Kind
    public var port: UInt16
    /// Seconds from the start of one operation to the start of the next, unless the first takes longer.
    public var interval: Double

    public init(name: String, kind: Kind, port: UInt16, interval: Double) {
        self.name = name
        self.kind = kind
        self.port = port
        self.interval = interval
    }
}

/// What a neighbour saw in the window.
public struct NeighbourResult: Codable, Sendable {
    public var name: String
    /// Those that were answered, those that were given up, and the one that waited when the window ended.
    public var operations: UInt64
    /// Datagrams given up.
    public var lost: UInt64
    /// Connections refused or broken.
    public var failed: UInt64
    /// Over the window, over what began in its first third, and over what ended in its last.
    public var all: Percentiles?
    public var first: Percentiles?
    public var last: Percentiles?
}

/// Nanoseconds.
public struct Percentiles: Codable, Sendable, Equatable {
    public var p50: UInt64
    public var p99: UInt64
}
