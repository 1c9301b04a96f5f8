internal import Synchronization

/// Chooses the endpoints of one service port, for all workers together (SPEC §1.4).
///
/// A balancer is a fixed list in random order and one shared cursor, so that the rotation is strict however many workers
/// take part. A changed endpoint set is a new balancer; an unchanged one keeps the old, cursor and all. Any thread, no lock.
public final class Balancer: Sendable {
    public let endpoints: [Endpoint]
    private let cursor = Atomic<UInt>(0)

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
        return first
    }

    private func take() -> Endpoint {
        let turn = cursor.wrappingAdd(1, ordering: .relaxed).oldValue
        return endpoints[Int(turn % UInt(endpoints.count))]
    }
}

extension Balancer {
    /// The balancer for a new list of endpoints: this very one if the set is the same in any order, otherwise a new one
    /// that starts afresh in random order, keeping what is known of the endpoints that stay (SPEC §1.4, *Update*).
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

    /// What makes two entries the same endpoint: a pod that keeps its address but gets another stand-in is another one.
    private struct Identity: Hashable {
        let address: EndpointAddress
        let dialAddress: EndpointAddress

        init(_ endpoint: Endpoint) {
            address = endpoint.address
            dialAddress = endpoint.dialAddress
        }
    }
}
