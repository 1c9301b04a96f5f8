/// A duration as Go programs take it: `300ms`, `2s`, `1m0s`, `1.5h`, or plain `0`.
struct DurationArgument: Hashable, Sendable {
    let duration: Duration

    init(_ duration: Duration) { self.duration = duration }

    init(_ text: String) throws(ArgumentError) {
        let wrong = ArgumentError("'\(text)' is not a duration: a number with a unit, such as 500ms, 2s or 1m30s")
        guard text != "0" else {
            self.init(.zero)
            return
        }
        guard !text.hasPrefix("-") else { throw ArgumentError("'\(text)' is a negative duration") }
        guard !text.isEmpty else { throw wrong }
        var total: Int64 = 0
        var rest = text[...]
        while !rest.isEmpty {
            let number = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(number.count)
            let unit = rest.prefix(while: \.isLetter)
            rest = rest.dropFirst(unit.count)
            guard !number.isEmpty, let nanoseconds = Self.nanosecondsOf[String(unit)] else { throw wrong }
            guard let part = Self.multiply(number, by: nanoseconds) else { throw wrong }
            let (sum, overflow) = total.addingReportingOverflow(part)
            guard !overflow else { throw ArgumentError("'\(text)' is too long") }
            total = sum
        }
        self.init(.nanoseconds(total))
    }

    private static let nanosecondsOf: [String: Int64] = [
        // The micro sign and the Greek letter look the same, and Go takes both.
        "ns": 1, "us": 1000, "\u{B5}s": 1000, "\u{3BC}s": 1000, "ms": 1_000_000,
        "s": 1_000_000_000, "m": 60_000_000_000, "h": 3_600_000_000_000,
    ]

    /// `number` (with at most one point) of a unit, in nanoseconds; nil if it is no number or does not fit.
    private static func multiply(_ number: Substring, by unit: Int64) -> Int64? {
        let parts = number.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let whole = parts[0]
        let fraction = parts.count == 2 ? parts[1] : ""
        guard !(whole.isEmpty && fraction.isEmpty), !fraction.contains(".") else { return nil }
        guard let units = whole.isEmpty ? 0 : Int64(whole) else { return nil }
        let (nanoseconds, overflow) = units.multipliedReportingOverflow(by: unit)
        guard !overflow else { return nil }
        // In whole numbers, so that 1.1s is exactly 1,100,000,000 ns; digits beyond the nanosecond do not count.
        var rest: Int64 = 0
        var place = unit
        for digit in fraction {
            guard let value = digit.wholeNumberValue else { return nil }
            place /= 10
            rest += Int64(value) * place
        }
        let (sum, carry) = nanoseconds.addingReportingOverflow(rest)
        return carry ? nil : sum
    }
}

extension DurationArgument: CustomStringConvertible {
    /// As Go prints it, and as it can be read back: `2s`, `1m30s`, `1.5s`, `250ms`, `10µs`.
    var description: String {
        let (seconds, attoseconds) = duration.components
        let nanoseconds = attoseconds / 1_000_000_000
        guard seconds > 0 else {
            return switch nanoseconds {
            case 0: "0s"
            case ..<1000: "\(nanoseconds)ns"
            case ..<1_000_000: Self.decimal(nanoseconds, places: 3) + "\u{B5}s"
            default: Self.decimal(nanoseconds, places: 6) + "ms"
            }
        }
        let (hours, minutes) = (seconds / 3600, seconds / 60 % 60)
        let rest = Self.decimal(seconds % 60 * 1_000_000_000 + nanoseconds, places: 9)
        return (hours > 0 ? "\(hours)h" : "") + (seconds >= 60 ? "\(minutes)m" : "") + "\(rest)s"
    }

    /// `number` with its last digits behind a point, but for zeros at the end.
    private static func decimal(_ number: Int64, places: Int) -> String {
        let digits = String(number)
        let padded = String(repeating: "0", count: max(0, places + 1 - digits.count)) + digits
        let fraction = padded.suffix(places).reversed().drop { $0 == "0" }.reversed()
        return padded.dropLast(places) + (fraction.isEmpty ? "" : "." + String(fraction))
    }
}
