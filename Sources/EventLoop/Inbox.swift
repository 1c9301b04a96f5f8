internal import Base
internal import Synchronization

/// Work for a loop's thread, put there by others.
final class Inbox: Sendable {
    typealias Work = @Sendable () -> Void

    /// nil once closed.
    private let waiting = Guarded<[Work]?>([])
    /// Lets the loop look without taking the lock.
    private let pending = Atomic<Bool>(false)

    /// Whether ``run()`` may find something. The loop's thread.
    var mayHaveWork: Bool { pending.load(ordering: .acquiring) }

    /// Adds `item` and calls `wake`; false if the inbox is closed. Any thread.
    func add(_ item: @escaping Work, wake: () -> Void) -> Bool {
        waiting.withLock { items in
            guard items != nil else { return false }
            items?.append(item)
            pending.store(true, ordering: .releasing)
            // Still locked, so the inbox cannot be closed, and the loop's handles with it, before this.
            wake()
            return true
        }
    }

    /// Runs everything that was added so far, in order. The loop's thread.
    func run() {
        guard mayHaveWork else { return }
        var items = waiting.withLock { items in
            pending.store(false, ordering: .relaxed)
            // In place of `items = []`: a closed inbox stays closed.
            let taken = items ?? []
            if items != nil { items = [] }
            return taken
        }
        items.reverse()
        // What one holds, such as a socket, is let go before the next one runs, which may say that it is closed.
        while let item = items.popLast() { item() }
    }

    /// Refuses further work and returns what was accepted but never run; nil if it was closed already.
    func close() -> [Work]? {
        waiting.withLock { items in
            defer { items = nil }
            return items
        }
    }
}
