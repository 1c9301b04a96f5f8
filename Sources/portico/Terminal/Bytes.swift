/// Amounts of data as people write them.
enum Bytes {
    /// Three digits and a unit: `0 B`, `78 B`, `1.21 KiB`, `34.5 MiB`, `1023 GiB`.
    static func text(_ count: UInt64) -> String {
        guard count >= 1024 else { return "\(count) B" }
        var value = Double(count)
        var unit = -1
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        while value >= 1024, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        let hundredths = Int((value * 100).rounded())
        switch value {
        case 100...: return "\(hundredths / 100) \(units[unit])"
        case 10...: return "\(hundredths / 100).\(hundredths / 10 % 10) \(units[unit])"
        default: return "\(hundredths / 100).\(hundredths / 10 % 10)\(hundredths % 10) \(units[unit])"
        }
    }
}
