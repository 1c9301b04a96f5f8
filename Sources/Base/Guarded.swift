internal import Glibc

/// A value that one thread at a time may look at.
///
/// A pthread mutex, not `Synchronization.Mutex`: that one waits on a futex by itself, which the thread sanitizer does
/// not see, and so it reports races that are none. Where workers lock one, as for session affinity, that is once for a
/// connection and not for a message, and for a moment.
///
/// Unchecked, since the compiler cannot see that the mutex stands between `value` and everybody.
public final class Guarded<Value>: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t>
    private var value: Value

    public init(_ value: sending Value) {
        mutex = .allocate(capacity: 1)
        // With default attributes it cannot fail on Linux.
        pthread_mutex_init(mutex, nil)
        self.value = value
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    /// Any thread, but not from within `body`: the lock is not recursive.
    public func withLock<Result, Failure: Error>(
        _ body: (inout Value) throws(Failure) -> sending Result
    ) throws(Failure) -> sending Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body(&value)
    }
}
