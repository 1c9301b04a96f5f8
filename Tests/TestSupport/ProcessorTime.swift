internal import Glibc

/// The time that the processor spends on this thread for `body`, whatever else the machine does: the least of three times. To compare
/// what more of something costs; never with an absolute time.
public func processorTime(_ body: () -> Void) -> Duration {
    func now() -> Duration {
        var time = timespec()
        clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
        return .seconds(time.tv_sec) + .nanoseconds(time.tv_nsec)
    }
    return (0..<3).map { _ -> Duration in
        let start = now()
        body()
        return now() - start
    }.min() ?? .zero
}
