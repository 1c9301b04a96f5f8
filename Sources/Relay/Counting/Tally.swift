internal import Glibc

/// What became of attempts to reach an endpoint.
public enum DialResult: Int, Sendable, CaseIterable {
    case connected, refused, timedOut, unreachable, reset
    /// Of this machine's own making, or rare.
    case other

    init(errno code: Int32) {
        self =
            switch code {
            case ECONNREFUSED: .refused
            case ETIMEDOUT: .timedOut
            case EHOSTUNREACH, ENETUNREACH, EHOSTDOWN, ENETDOWN: .unreachable
            case ECONNRESET, EPIPE, ECONNABORTED: .reset
            default: .other
            }
    }
}

/// Why datagrams were given up.
public enum DropReason: Int, Sendable, CaseIterable {
    /// There was no endpoint for them, or no room for another flow.
    case unserved
    /// They could not be sent to the endpoint.
    case toEndpoint
    /// They could not be sent to the client.
    case toClient
}

/// How often each of a few things happened.
public struct Tally<Kind: CaseIterable & RawRepresentable<Int> & Sendable>: Sendable, Equatable {
    private var counts = Array(repeating: UInt64(0), count: Kind.allCases.count)

    public subscript(kind: Kind) -> UInt64 { counts[kind.rawValue] }

    mutating func add(_ cells: borrowing TallyCells<Kind>) {
        for index in counts.indices { counts[index] += cells.counts[index].value }
    }
}

/// The same as one worker counts it, and anybody reads it.
struct TallyCells<Kind: CaseIterable & RawRepresentable<Int> & Sendable>: ~Copyable, Sendable {
    /// No kind has more cases.
    let counts = InlineArray<10, Counter> { _ in Counter() }

    /// The writer's thread.
    func add(_ kind: Kind, _ count: UInt64 = 1) { counts[kind.rawValue].add(count) }
}
