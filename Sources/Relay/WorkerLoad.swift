internal import Synchronization

/// How many connections a worker has, those on their way to it from another worker included. Any thread.
final class WorkerLoad: Sendable {
    /// Added once no more may come; far above any number of connections.
    private static let closed = 1 << 32

    /// Clients that may be on their way from other workers at one time. They come back if there is no room for them, so
    /// who sent them must be able to bear that.
    private static let mostUnderWay = 4

    private let value = Atomic<Int>(0)
    private let underWay = Atomic<Int>(0)

    var current: Int { value.load(ordering: .relaxed) }

    /// Nobody is there, nobody is under way, and nobody can come any more.
    var isClosedAndEmpty: Bool { value.load(ordering: .acquiring) == Self.closed }

    func add() { value.wrappingAdd(1, ordering: .relaxed) }

    func remove() { value.wrappingSubtract(1, ordering: .releasing) }

    /// Counts a connection that is about to be sent to the worker; false if it takes no more.
    func reserve() -> Bool {
        guard underWay.load(ordering: .relaxed) < Self.mostUnderWay, enter() else { return false }
        underWay.wrappingAdd(1, ordering: .relaxed)
        return true
    }

    /// Counts a connection that is about to be given to the worker by somebody who is none; false if it takes no more.
    func enter() -> Bool {
        var seen = current
        while seen < Self.closed {
            let (exchanged, original) = value.weakCompareExchange(
                expected: seen, desired: seen + 1, ordering: .acquiringAndReleasing)
            if exchanged { return true }
            seen = original
        }
        return false
    }

    /// One for which there was a reservation is here, or will not come.
    func hasArrived() { underWay.wrappingSubtract(1, ordering: .relaxed) }

    /// From now on nothing can be reserved. The worker's thread.
    func close() {
        if current < Self.closed { value.wrappingAdd(Self.closed, ordering: .acquiringAndReleasing) }
    }
}
