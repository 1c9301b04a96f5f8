internal import Glibc

/// The two times that health needs: one for ages, which never jumps, and one for people.
public struct HealthClock: Sendable {
    public var now: @Sendable () -> ContinuousClock.Instant
    /// Nanoseconds since 1970 in UTC.
    public var wallNanoseconds: @Sendable () -> Int64

    public init(
        now: @escaping @Sendable () -> ContinuousClock.Instant, wallNanoseconds: @escaping @Sendable () -> Int64
    ) {
        self.now = now
        self.wallNanoseconds = wallNanoseconds
    }

    public static let system = HealthClock(
        now: { ContinuousClock.now },
        wallNanoseconds: {
            var time = timespec()
            clock_gettime(CLOCK_REALTIME, &time)
            return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
        })
}

/// Formats a time as RFC 3339 in UTC with nanoseconds, without the zeros at their end, as Go does.
func rfc3339(_ nanoseconds: Int64) -> String {
    var seconds = time_t(nanoseconds / 1_000_000_000)
    var parts = tm()
    gmtime_r(&seconds, &parts)
    func padded(_ number: some BinaryInteger, _ width: Int = 2) -> String {
        let text = "\(number)"
        return String(repeating: "0", count: max(0, width - text.count)) + text
    }
    var text = "\(padded(parts.tm_year + 1900, 4))-\(padded(parts.tm_mon + 1))-\(padded(parts.tm_mday))T"
    text += "\(padded(parts.tm_hour)):\(padded(parts.tm_min)):\(padded(parts.tm_sec))"
    let fraction = nanoseconds % 1_000_000_000
    if fraction > 0 {
        var digits = padded(fraction, 9)
        while digits.last == "0" { digits.removeLast() }
        text += ".\(digits)"
    }
    return text + "Z"
}
