internal import Base
internal import Synchronization

/// Which client keeps which endpoint of one service port: session affinity, for all workers together
/// (docs/behaviour.md, B4.5).
///
/// It belongs to the service port and outlives every list of endpoints, so a rolling update costs only the clients of
/// the pods that go. How long a pin lasts is not its business: the limit comes with every question, and a changed one
/// holds at once for the pins that are there.
///
/// Any thread. One short lock for each new connection or flow, spread over shards; none for what flows through them.
public final class AffinityTable: Sendable {
    /// Clients that one service port remembers, unless told otherwise: about 6 MB when full.
    public static let defaultCapacity = 65_536
    private static let shardCount = 16

    private let capacity: Int
    /// Made for the first client: most service ports have no session affinity, and there may be ten thousand of them.
    private let made = AtomicLazyReference<Shards>()

    /// - Parameter capacity: clients to remember, at most. Beyond it a new one takes the place of one that was not seen
    ///   for long: of the longest in the same shard, which is nearly the longest of all.
    public init(capacity: Int = AffinityTable.defaultCapacity) {
        self.capacity = capacity
    }

    /// Clients that are remembered now, expired ones included that no sweep has met yet.
    public var count: Int {
        lists.reduce(0) { $0 + $1.withLock { $0.count } }
    }

    /// The endpoint that `client` keeps; if it keeps none, or `anew` is set, what `choose` returns, which it keeps from
    /// now on.
    ///
    /// Two connections of one new client that reach two workers at the same moment get the same endpoint.
    ///
    /// - Parameters:
    ///   - seconds: how long a pin lasts without a new connection.
    ///   - anew: the last one did not work.
    ///   - now: milliseconds.
    func endpoint(
        for client: IPAddress, seconds: Int, anew: Bool, at now: UInt64, choose: () -> Endpoint?
    ) -> Endpoint? {
        shards.shard(of: client).withLock { pins in
            if !anew, let endpoint = pins.use(client, seconds: seconds, at: now) { return endpoint }
            guard let endpoint = choose() else { return nil }
            pins.pin(client, to: endpoint, at: now)
            return endpoint
        }
    }

    /// `endpoint` failed `client`, which is to get another one next time.
    func unpin(_ client: IPAddress, from endpoint: Endpoint) {
        made.load()?.shard(of: client).withLock { $0.unpin(client, from: endpoint) }
    }

    /// Forgets the clients of endpoints that have left.
    func removeRetired() {
        for shard in lists { shard.withLock { $0.removeRetired() } }
    }

    /// Forgets the clients whose time is over, and no others.
    func removeExpired(seconds: Int, at now: UInt64) {
        for shard in lists { shard.withLock { $0.removeExpired(seconds: seconds, at: now) } }
    }

    func removeAll() {
        for shard in lists { shard.withLock { $0.removeAll() } }
    }

    private var lists: [Guarded<PinList>] { made.load()?.lists ?? [] }

    private var shards: Shards {
        // Of two workers that make them at once, one sees its own thrown away.
        made.load() ?? made.storeIfNil(Shards(capacity: max(1, capacity / Self.shardCount)))
    }

    private final class Shards: Sendable {
        let lists: [Guarded<PinList>]

        init(capacity: Int) {
            lists = (0..<AffinityTable.shardCount).map { _ in Guarded(PinList(capacity: capacity)) }
        }

        func shard(of client: IPAddress) -> Guarded<PinList> {
            // Neighbours differ in the lowest bits only; the product carries those into the highest.
            let mixed = (client.low ^ client.high) &* 0x9E37_79B9_7F4A_7C15
            return lists[Int(mixed >> 60) % lists.count]
        }
    }
}
