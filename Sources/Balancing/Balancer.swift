internal import Base
internal import Synchronization

/// Chooses the endpoints of one service port, for all workers together (docs/behaviour.md, B4).
///
/// A balancer is a fixed list in random order and one shared cursor, so that the rotation is strict however many workers
/// take part. A changed endpoint set is a new balancer; an unchanged one keeps the old, cursor and all. Any thread, no lock.
public final class Balancer: Sendable {
    public let endpoints: [Endpoint]
    private let cursor = Atomic<UInt>(0)
    /// What random choices are drawn from. Its own state, so that the turn stays where it is.
    private let dice = Atomic<UInt64>(.random(in: 0 ... .max))

    /// A balancer that asks `endpoints` in the order given.
    public init(inOrder endpoints: [Endpoint]) {
        self.endpoints = endpoints
    }

    /// The next endpoint in turn, or nil if there is none.
    ///
    /// Endpoints under penalty are passed over, their turns going evenly to the others; if all are under penalty they are
    /// used all the same.
    ///
    /// - Parameter now: milliseconds of the clock that penalties were given in.
    public func next(at now: UInt64 = 0) -> Endpoint? {
        guard !endpoints.isEmpty else { return nil }
        let first = take()
        guard first.isPenalised(at: now) else { return first }
        for _ in 1..<endpoints.count {
            let other = take()
            if !other.isPenalised(at: now) { return other }
        }
        // A whole round was taken; one turn more, or it would be the same endpoint every time.
        return take()
    }

    /// The next endpoint as `balancing` wants it, or nil if there is none. Endpoints under penalty come last in any case.
    ///
    /// - Parameter now: milliseconds of the clock that penalties were given in.
    public func next(by balancing: BalancingMethod, at now: UInt64) -> Endpoint? {
        guard !endpoints.isEmpty else { return nil }
        return switch balancing {
        case .roundRobin: next(at: now)
        case .leastConnections: leastUsed(at: now)
        case .random: anyone(at: now)
        }
    }

    /// The endpoint with the fewest connections; among equals the one whose turn it is.
    private func leastUsed(at now: UInt64) -> Endpoint? {
        let first = takeTurn()
        var best: Endpoint?
        var fewest = Int.max
        var bestIsPenalised = true
        for step in 0..<endpoints.count {
            let candidate = endpoints[(first + step) % endpoints.count]
            let isPenalised = candidate.isPenalised(at: now)
            let open = candidate.open.load(ordering: .relaxed)
            let isBetter = isPenalised == bestIsPenalised ? open < fewest : bestIsPenalised
            guard isBetter else { continue }
            (best, fewest, bestIsPenalised) = (candidate, open, isPenalised)
        }
        return best
    }

    private func anyone(at now: UInt64) -> Endpoint? {
        let rolled = endpoints[roll(endpoints.count)]
        guard rolled.isPenalised(at: now) else { return rolled }
        let usable = endpoints.lazy.filter { !$0.isPenalised(at: now) }
        let count = usable.count
        guard count > 0 else { return rolled }
        // Another worker may have taken the last one out of use since the count.
        return usable.dropFirst(roll(count)).first ?? rolled
    }

    /// A number from 0 to below `count` (SplitMix64): neither a lock nor a system call.
    private func roll(_ count: Int) -> Int {
        var mixed = dice.wrappingAdd(0x9E37_79B9_7F4A_7C15, ordering: .relaxed).newValue
        mixed = (mixed ^ mixed >> 30) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ mixed >> 27) &* 0x94D0_49BB_1331_11EB
        mixed ^= mixed >> 31
        return Int(mixed % UInt64(count))
    }

    private func take() -> Endpoint { endpoints[takeTurn()] }

    private func takeTurn() -> Int {
        Int(cursor.wrappingAdd(1, ordering: .relaxed).oldValue % UInt(endpoints.count))
    }
}

extension Balancer {
    /// The balancer for a new list of endpoints: this very one if the set is the same in any order, otherwise a new one
    /// that starts afresh in random order, keeping what is known of the endpoints that stay.
    public func updated(with endpoints: [Endpoint]) -> Balancer {
        func identities(_ list: [Endpoint]) -> [Identity: Int] {
            list.reduce(into: [:]) { $0[Identity($1), default: 0] += 1 }
        }
        guard identities(endpoints) != identities(self.endpoints) else { return self }
        let known = Dictionary(self.endpoints.map { (Identity($0), $0) }, uniquingKeysWith: { first, _ in first })
        return Balancer(endpoints.map { known[Identity($0)] ?? $0 })
    }

    /// A balancer over a random order of `endpoints`: proxies that start at the same time do not all begin with the same.
    public convenience init(_ endpoints: [Endpoint]) {
        self.init(inOrder: endpoints.shuffled())
    }

    /// What makes two entries the same endpoint: a pod that keeps its address but gets another stand-in, or comes to another
    /// machine, is another one.
    private struct Identity: Hashable {
        let address: EndpointAddress
        let dialAddress: EndpointAddress
        let isLocal: Bool

        init(_ endpoint: Endpoint) {
            address = endpoint.address
            dialAddress = endpoint.dialAddress
            isLocal = endpoint.isLocal
        }
    }
}
