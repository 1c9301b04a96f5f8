import Glibc

/// A moment by the machine's clock, to be printed; nothing is ever timed with it.
struct WallClockTime {
    let seconds: Int
    let milliseconds: Int

    static func now() -> WallClockTime {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return WallClockTime(seconds: time.tv_sec, milliseconds: time.tv_nsec / 1_000_000)
    }

    /// `2026-01-31T23:59:59.123Z`.
    var iso8601: String {
        var (time, fields) = (time_t(seconds), tm())
        gmtime_r(&time, &fields)
        let date = "\(fields.tm_year + 1900)-\(padded(fields.tm_mon + 1))-\(padded(fields.tm_mday))"
        return "\(date)T\(clock(fields))Z"
    }

    /// `23:59:59.123` in the zone of the machine.
    var clock: String {
        var (time, fields) = (time_t(seconds), tm())
        localtime_r(&time, &fields)
        return clock(fields)
    }

    private func clock(_ fields: tm) -> String {
        let fraction = padded(Int32(milliseconds), to: 3)
        return "\(padded(fields.tm_hour)):\(padded(fields.tm_min)):\(padded(fields.tm_sec)).\(fraction)"
    }

    private func padded(_ number: Int32, to width: Int = 2) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, width - digits.count)) + digits
    }
}
