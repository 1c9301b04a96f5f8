internal import Synchronization

/// How many listening sockets the next door gets: one for each worker, only one, or none.
///
/// With a socket for each worker, which share the port (SO_REUSEPORT), the kernel spreads new clients over the workers.
/// With one, a single worker accepts them and hands some on to others, which costs a little more for each connection.
/// So every door that is expected comes before any door has more than one, and half of what is then left is kept for
/// doors that nobody expects yet. Doors keep what they have got: a socket that is closed resets the clients in its
/// queue.
struct ListenerRoom: Equatable {
    /// Sockets in all.
    let limit: Int
    let workers: Int
    /// Doors that are wanted in all, as far as is known.
    var expected = 0
    private(set) var doors = 0
    private(set) var sockets = 0

    init(limit: Int, workers: Int) {
        self.limit = limit
        self.workers = workers
    }

    /// Sockets for one more door; 0 if there is no room for it.
    var next: Int {
        guard sockets < limit else { return 0 }
        let spare = limit - max(expected, doors + 1)
        let given = sockets - doors
        return 2 * (given + workers - 1) <= spare ? workers : 1
    }

    mutating func open(_ count: Int) {
        doors += 1
        sockets += count
    }

    mutating func close(_ count: Int) {
        doors -= 1
        sockets -= count
    }
}

/// Listening sockets of a relay, as its workers see it. Any thread.
final class ListeningCount: Sendable {
    private let value = Atomic<Int>(0)

    var current: Int {
        get { value.load(ordering: .relaxed) }
        set { value.store(newValue, ordering: .relaxed) }
    }
}
