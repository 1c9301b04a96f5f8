internal import EventLoop

/// What an event of the loop is about, packed into the 64 bits that epoll carries: 32 bits of index, 24 of generation,
/// 2 of dial attempt and 4 of kind.
struct Token: Equatable {
    enum Kind: UInt8 {
        case listener = 0
        /// A connection, through its client's socket.
        case client = 1
        /// A connection, through its endpoint's socket.
        case endpoint = 2
        /// A connection that gave way to others and wants to go on.
        case resume = 3
        /// A UDP flow, through its socket to the endpoint.
        case flow = 4
        /// A connect without a client, to an ejected endpoint.
        case probe = 5
        /// A listener that is to be closed, with clients that wait.
        case closing = 6
    }

    let kind: Kind
    let index: UInt32
    let generation: UInt32
    /// Tells the sockets of successive dial attempts apart, of which only the last is alive: the last bits of its number.
    let attempt: UInt8

    init(_ kind: Kind, index: UInt32, generation: UInt32, attempt: UInt8 = 0) {
        self.kind = kind
        self.index = index
        self.generation = generation
        self.attempt = attempt & 3
    }

    init(_ kind: Kind, _ id: Slab<Connection>.ID, attempt: UInt8 = 0) {
        self.init(kind, index: id.index, generation: id.generation, attempt: attempt)
    }

    @inline(__always)
    init?(_ raw: EventLoop.Token) {
        guard let kind = Kind(rawValue: UInt8(raw >> 60)) else { return nil }
        self.init(
            kind, index: UInt32(truncatingIfNeeded: raw), generation: UInt32(truncatingIfNeeded: raw >> 32) & 0xFF_FFFF,
            attempt: UInt8(raw >> 56) & 3)
    }

    @inline(__always)
    var raw: EventLoop.Token {
        UInt64(kind.rawValue) << 60 | UInt64(attempt) << 56 | UInt64(generation & 0xFF_FFFF) << 32 | UInt64(index)
    }

    var probe: Slab<Probe>.ID { Slab<Probe>.ID(index: index, generation: generation) }
    var connection: Slab<Connection>.ID { Slab<Connection>.ID(index: index, generation: generation) }
}
