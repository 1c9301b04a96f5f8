import Glibc
import Histogram

/// Latencies in nanoseconds, recorded by one thread and read by another after that thread is done.
final class Latencies: @unchecked Sendable {
    // @unchecked: `finish` is the recorder's last act and `wait` the reader's first.
    private var histogram = Histogram<UInt64>(
        highestTrackableValue: 60_000_000_000, numberOfSignificantValueDigits: .three)
    private var done: sem_t = sem_t()

    init() { sem_init(&done, 0, 0) }

    @inline(__always) func record(_ nanoseconds: UInt64) { _ = histogram.record(nanoseconds) }

    func finish() { sem_post(&done) }

    /// Waits up to a second for the recorder and adds the percentiles to its result.
    func add(to result: inout LoadResult) {
        var deadline = timespec()
        clock_gettime(CLOCK_REALTIME, &deadline)
        deadline.tv_sec += 1
        guard sem_timedwait(&done, &deadline) == 0, histogram.totalCount > 0 else { return }
        result.p50 = histogram.valueAtPercentile(50)
        result.p99 = histogram.valueAtPercentile(99)
    }
}
