internal import Glibc
internal import Synchronization

/// Work for a loop's thread, put there by others.
///
/// A pthread mutex, not `Synchronization.Mutex`: the thread sanitizer understands only the former.
final class Inbox: @unchecked Sendable {
    private let lock: UnsafeMutablePointer<pthread_mutex_t>
    private var work: [@Sendable () -> Void] = []
    private var isClosed = false
    /// Lets the loop look without taking the lock.
    private let pending = Atomic<Bool>(false)

    init() {
        lock = .allocate(capacity: 1)
        pthread_mutex_init(lock, nil)
    }

    deinit {
        pthread_mutex_destroy(lock)
        lock.deallocate()
    }

    /// Whether ``run()`` may find something. The loop's thread.
    var mayHaveWork: Bool { pending.load(ordering: .acquiring) }

    /// Adds `item` and calls `wake`; false if the inbox is closed. Any thread.
    func add(_ item: @escaping @Sendable () -> Void, wake: () -> Void) -> Bool {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        guard !isClosed else { return false }
        work.append(item)
        pending.store(true, ordering: .releasing)
        wake()
        return true
    }

    /// Runs everything that was added so far, in order. The loop's thread.
    func run() {
        guard mayHaveWork else { return }
        pthread_mutex_lock(lock)
        let items = work
        work = []
        pending.store(false, ordering: .relaxed)
        pthread_mutex_unlock(lock)
        for item in items { item() }
    }

    /// Refuses further work and returns what was accepted but never run; nil if it was closed already.
    func close() -> [@Sendable () -> Void]? {
        pthread_mutex_lock(lock)
        defer { pthread_mutex_unlock(lock) }
        guard !isClosed else { return nil }
        isClosed = true
        let rest = work
        work = []
        return rest
    }
}
