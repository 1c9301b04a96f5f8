internal import Synchronization

/// How many connections a worker has, those on their way to it from another worker included. Any thread.
final class WorkerLoad: Sendable {
    /// Added once no more may come; far above any number of connections.
    private static let closed = 1 << 32

    private let value = Atomic<Int>(0)

    var current: Int { value.load(ordering: .relaxed) }

    /// Nobody is there, nobody is under way, and nobody can come any more.
    var isClosedAndEmpty: Bool { value.load(ordering: .acquiring) == Self.closed }

    func add() { value.wrappingAdd(1, ordering: .relaxed) }

    func remove() { value.wrappingSubtract(1, ordering: .releasing) }

    /// Counts a connection that is about to be sent to the worker; false if it takes no more.
    func reserve() -> Bool {
        var seen = current
        while seen < Self.closed {
            let (exchanged, original) = value.weakCompareExchange(
                expected: seen, desired: seen + 1, ordering: .acquiringAndReleasing)
            if exchanged { return true }
            seen = original
        }
        return false
    }

    /// From now on nothing can be reserved. The worker's thread.
    func close() {
        if current < Self.closed { value.wrappingAdd(Self.closed, ordering: .acquiringAndReleasing) }
    }
}
