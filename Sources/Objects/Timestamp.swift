/// A moment as Kubernetes writes it, to the second, such as `2026-01-02T03:04:05Z`.
public struct Timestamp: Hashable, Comparable, Sendable {
    /// Since the beginning of 1970, UTC.
    public let seconds: Int64

    public init(seconds: Int64) {
        self.seconds = seconds
    }

    public static func < (a: Timestamp, b: Timestamp) -> Bool { a.seconds < b.seconds }

    /// Parses RFC 3339, with any offset; fractions of a second are dropped. Nil if it is no such text.
    public init?(_ text: some StringProtocol) {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20 else { return nil }
        /// The number that `count` digits at `start` make; nil if others are there, or it is not in `range`.
        func number(_ start: Int, _ count: Int, in range: ClosedRange<Int64>) -> Int64? {
            var value: Int64 = 0
            for byte in bytes[start..<(start + count)] {
                guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
                value = value * 10 + Int64(byte - UInt8(ascii: "0"))
            }
            return range.contains(value) ? value : nil
        }
        func has(_ characters: StaticString, at index: Int) -> Bool {
            characters.withUTF8Buffer { $0.contains(bytes[index]) }
        }
        guard has("-", at: 4), has("-", at: 7), has("Tt ", at: 10), has(":", at: 13), has(":", at: 16),
            let year = number(0, 4, in: 0...9999), let month = number(5, 2, in: 1...12),
            let day = number(8, 2, in: 1...31), let hour = number(11, 2, in: 0...23),
            let minute = number(14, 2, in: 0...59), let second = number(17, 2, in: 0...60)
        else { return nil }
        var rest = bytes.index(bytes.startIndex, offsetBy: 19)
        if has(".", at: rest) {
            let end = bytes[(rest + 1)...].firstIndex { !(UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) } ?? rest
            guard end > rest + 1 else { return nil }
            rest = end
        }
        var offset: Int64 = 0
        if !(has("Zz", at: rest) && bytes.count == rest + 1) {
            guard bytes.count == rest + 6, has("+-", at: rest), has(":", at: rest + 3),
                let hours = number(rest + 1, 2, in: 0...23), let minutes = number(rest + 4, 2, in: 0...59)
            else { return nil }
            offset = (hours * 60 + minutes) * (has("-", at: rest) ? -60 : 60)
        }
        let days = Self.days(year: year, month: month, day: day)
        // Not every month has 31 days.
        guard days < Self.days(year: year, month: month + 1, day: 1) else { return nil }
        seconds = ((days * 24 + hour) * 60 + minute) * 60 + second - offset
    }

    /// Days since the beginning of 1970. The year begins in March, so that its leap day is its last.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let (year, month) = month > 2 ? (year, month - 3) : (year - 1, month + 9)
        return year * 365 + leapDays(before: year) + (month * 153 + 2) / 5 + day - 1 - 719_468
    }

    private static func leapDays(before year: Int64) -> Int64 {
        // Floored, for the one year before year 0.
        year < 0 ? -1 : year / 4 - year / 100 + year / 400
    }
}

extension Timestamp: CustomStringConvertible {
    /// `2026-01-02T03:04:05Z`.
    public var description: String {
        // Rounded down, also before 1970.
        let (days, time) =
            seconds % 86_400 < 0
            ? (seconds / 86_400 - 1, seconds % 86_400 + 86_400) : (seconds / 86_400, seconds % 86_400)
        // Counted from the 1 March of 400 years before year 0; every 400 years have 146,097 days.
        let (era, day) = (days + 719_468 + 146_097).quotientAndRemainder(dividingBy: 146_097)
        let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365
        let dayOfYear = day - (year * 365 + year / 4 - year / 100)
        let month = (dayOfYear * 5 + 2) / 153
        let dayOfMonth = dayOfYear - (month * 153 + 2) / 5 + 1
        func padded(_ number: Int64, _ width: Int = 2) -> String {
            String(repeating: "0", count: max(0, width - "\(number)".utf8.count)) + "\(number)"
        }
        return padded((era - 1) * 400 + year + (month < 10 ? 0 : 1), 4) + "-"
            + padded(month < 10 ? month + 3 : month - 9)
            + "-" + padded(dayOfMonth) + "T" + padded(time / 3_600) + ":" + padded(time / 60 % 60) + ":"
            + padded(time % 60) + "Z"
    }
}

extension Timestamp: Encodable {
    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        try container.encode(description)
    }
}
