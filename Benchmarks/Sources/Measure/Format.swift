/// Numbers as people read them: three digits that mean something.
public enum Format {
    public static func fixed(_ value: Double, _ digits: Int) -> String {
        guard value.isFinite else { return "–" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = (value.magnitude * scale).rounded()
        guard scaled < 9e15 else { return "\(value)" }
        let whole = Int(scaled) / Int(scale)
        let sign = value < 0 && scaled > 0 ? "-" : ""
        guard digits > 0 else { return sign + grouped(whole) }
        let rest = String(Int(scaled) % Int(scale))
        return sign + grouped(whole) + "." + String(repeating: "0", count: digits - rest.count) + rest
    }

    /// Three significant digits, or all of an integer part that is longer.
    public static func brief(_ value: Double) -> String {
        switch value.magnitude {
        case 0: "0"
        case ..<1: fixed(value, 3)
        case ..<10: fixed(value, 2)
        case ..<100: fixed(value, 1)
        default: fixed(value, 0)
        }
    }

    /// With k, M or G.
    public static func scaled(_ value: Double) -> String {
        switch value.magnitude {
        case ..<1e4: brief(value)
        case ..<1e6: brief(value / 1e3) + "k"
        case ..<1e9: brief(value / 1e6) + "M"
        default: brief(value / 1e9) + "G"
        }
    }

    private static func grouped(_ value: Int) -> String {
        var digits = Array(String(value))
        var position = digits.count - 3
        while position > 0 {
            digits.insert(",", at: position)
            position -= 3
        }
        return String(digits)
    }
}
