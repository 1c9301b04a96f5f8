public import Base
package import Synchronization

/// Chooses the endpoints of one service port, for all workers together (docs/behaviour.md, B4).
///
/// A balancer is a fixed list in random order and one shared cursor, so that the rotation is strict however many
/// workers take part. A changed endpoint set is a new balancer; an unchanged one keeps the old, cursor and all. Any
/// thread, no lock.
public final class Balancer: Sendable {
    /// As they were told, in their order there.
    private let told: [ServiceEndpoint]
    private let standIns: [EndpointAddress: EndpointAddress]
    /// Others, who are asked for as long as all of these are under penalty; nil if there are none.
    public let reserve: Balancer?
    /// What is known of them, made for the first client: most service ports of a large cluster have none on a node.
    package let made = AtomicLazyReference<List>()
    private let cursor = Atomic<UInt>(0)
    /// What random choices are drawn from. Its own state, so that the turn stays where it is.
    private let dice = Atomic<UInt64>(.random(in: 0 ... .max))

    package final class List: Sendable {
        let own: [Endpoint]
        /// The balancer that had taken the place of this one before anybody asked.
        let successor: Balancer?

        package init(_ own: [Endpoint], successor: Balancer? = nil) {
            self.own = own
            self.successor = successor
        }
    }

    /// A balancer that asks in a random order: proxies that start at the same time do not all begin with the same
    /// endpoint.
    ///
    /// - Parameters:
    ///   - standIns: where to connect in place of some of the addresses.
    ///   - reserve: who takes the clients for as long as all `endpoints` are under penalty.
    public init(
        of endpoints: [ServiceEndpoint], standIns: [EndpointAddress: EndpointAddress] = [:],
        reserve: [ServiceEndpoint] = []
    ) {
        told = endpoints
        self.standIns = standIns
        self.reserve = reserve.isEmpty ? nil : Balancer(of: reserve, standIns: standIns)
    }

    /// In the order in which they are asked; without the reserve.
    public var endpoints: [Endpoint] {
        let list = made.load() ?? make(keeping: [])
        return list.successor?.endpoints ?? list.own
    }

    /// Those of which something may be known, of the reserve too: none if there has been no client yet.
    public var knownEndpoints: [Endpoint] { (made.load()?.own ?? []) + (reserve?.knownEndpoints ?? []) }

    /// How many ``endpoints`` there are.
    public var count: Int { told.count }

    /// How many of ``endpoints`` are out of use.
    public var ejectedCount: Int { made.load()?.own.count(where: \.isEjected) ?? 0 }

    public var isEmpty: Bool { told.isEmpty }

    /// How many a client can come to, those of the reserve included.
    public var reach: Int { told.count + (reserve?.reach ?? 0) }

    private func make(keeping known: [Endpoint]) -> List {
        let known = Dictionary(known.map { (Identity($0), $0) }, uniquingKeysWith: { first, _ in first })
        let list = told.map { known[Identity($0, standIns)] ?? Endpoint($0, standIn: standIns[$0.address]) }
        // Of two workers that make it at once, one takes the other's.
        return made.storeIfNil(List(list.shuffled()))
    }

    /// Keeps what is known of those of a former one's endpoints that it has, too. Who was an endpoint and is in the
    /// reserve now is another one: its clients leave it.
    func adopt(_ former: Balancer) {
        keep(former.knownEndpoints)
        if let known = former.reserve?.knownEndpoints { reserve?.keep(known) }
    }

    private func keep(_ known: [Endpoint]) {
        if !known.isEmpty, made.load() == nil { _ = make(keeping: known) }
    }

    /// Another one takes its place, or none. Whoever still asks this one and is its first client gets an endpoint of
    /// the other, so that nothing begins with an endpoint that nobody retires.
    ///
    /// - Returns: the endpoints that clients may have got of this one.
    func end(replacedBy other: Balancer?) -> [Endpoint] {
        let own = (made.load() ?? made.storeIfNil(List([], successor: other))).own
        return own + (reserve?.end(replacedBy: other) ?? [])
    }

    /// The next endpoint in turn, or nil if there is none.
    ///
    /// Endpoints under penalty are passed over, their turns going evenly to the others; if all are under penalty they
    /// are used all the same.
    ///
    /// - Parameter now: milliseconds of the clock that penalties were given in.
    public func next(at now: UInt64 = 0) -> Endpoint? { next(of: endpoints, at: now) }

    /// Whether it is the reserve's turn.
    func needsReserve(at now: UInt64) -> Bool { reserve != nil && endpoints.allSatisfy { $0.isPenalised(at: now) } }

    private func next(of endpoints: [Endpoint], at now: UInt64) -> Endpoint? {
        guard !endpoints.isEmpty else { return nil }
        let first = endpoints[takeTurn(of: endpoints.count)]
        guard first.isPenalised(at: now) else { return first }
        for _ in 1..<endpoints.count {
            let other = endpoints[takeTurn(of: endpoints.count)]
            if !other.isPenalised(at: now) { return other }
        }
        // A whole round was taken; one turn more, or it would be the same endpoint every time.
        return endpoints[takeTurn(of: endpoints.count)]
    }

    /// The next endpoint as `balancing` wants it, or nil if there is none. Endpoints under penalty come last in any
    /// case.
    ///
    /// - Parameter now: milliseconds of the clock that penalties were given in.
    public func next(by balancing: BalancingMethod, at now: UInt64) -> Endpoint? {
        let endpoints = endpoints
        guard !endpoints.isEmpty else { return nil }
        return switch balancing {
        case .roundRobin: next(of: endpoints, at: now)
        case .leastConnections: leastUsed(of: endpoints, at: now)
        case .random: anyone(of: endpoints, at: now)
        }
    }

    /// The endpoint with the fewest connections; among equals the one whose turn it is.
    private func leastUsed(of endpoints: [Endpoint], at now: UInt64) -> Endpoint? {
        let first = takeTurn(of: endpoints.count)
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

    private func anyone(of endpoints: [Endpoint], at now: UInt64) -> Endpoint? {
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

    private func takeTurn(of count: Int) -> Int {
        Int(cursor.wrappingAdd(1, ordering: .relaxed).oldValue % UInt(count))
    }
}

extension Balancer {
    /// The balancer for a new list of endpoints: this very one if the set is the same in any order, otherwise a new one
    /// that starts afresh in random order, keeping what is known of the endpoints that stay.
    public func updated(
        with endpoints: [ServiceEndpoint], standIns: [EndpointAddress: EndpointAddress] = [:],
        reserve: [ServiceEndpoint] = []
    ) -> Balancer {
        if endpoints == told, standIns == self.standIns, reserve == self.reserve?.told ?? [] { return self }
        let new = Balancer(of: endpoints, standIns: standIns, reserve: reserve)
        if new.identities == identities, new.reserve?.identities == self.reserve?.identities { return self }
        new.adopt(self)
        return new
    }

    private var identities: [Identity: Int] {
        told.reduce(into: [:]) { $0[Identity($1, standIns), default: 0] += 1 }
    }

    /// What makes two entries the same endpoint: a pod that keeps its address but gets another stand-in, or comes to
    /// another machine, is another one, and so is another pod at the same address.
    private struct Identity: Hashable {
        let address: EndpointAddress
        let dialAddress: EndpointAddress
        let isLocal: Bool
        let podName: String

        init(_ endpoint: Endpoint) {
            address = endpoint.address
            dialAddress = endpoint.dialAddress
            isLocal = endpoint.isLocal
            podName = endpoint.podName
        }

        init(_ endpoint: ServiceEndpoint, _ standIns: [EndpointAddress: EndpointAddress]) {
            address = endpoint.address
            dialAddress = standIns[endpoint.address] ?? endpoint.address
            isLocal = endpoint.isLocal
            podName = endpoint.podName ?? ""
        }
    }
}
