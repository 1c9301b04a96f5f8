internal import Glibc
internal import Objects

/// A moment by the machine's clock, as events have it.
struct EventTime: Hashable, Comparable, Sendable {
    /// Since the beginning of 1970, UTC.
    var nanoseconds: Int64

    static func now() -> EventTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return EventTime(nanoseconds: Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec))
    }

    static func < (a: EventTime, b: EventTime) -> Bool { a.nanoseconds < b.nanoseconds }

    /// `2026-01-02T03:04:05.000006Z`. API servers take no other number of digits.
    var text: String {
        let (seconds, rest) = nanoseconds.quotientAndRemainder(dividingBy: 1_000_000_000)
        let digits = "\(rest / 1_000)"
        let fraction = String(repeating: "0", count: max(0, 6 - digits.utf8.count)) + digits
        return "\(Timestamp(seconds: seconds))".dropLast() + ".\(fraction)Z"
    }
}
