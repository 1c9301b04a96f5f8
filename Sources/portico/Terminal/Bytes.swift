/// Amounts of data as people write them.
enum Bytes {
    /// Three digits and a unit: `0 B`, `78 B`, `1.21 KiB`, `34.5 MiB`, `1023 GiB`.
    static func text(_ count: UInt64) -> String {
        guard count >= 1024 else { return "\(count) B" }
        var value = Double(count)
        var unit = -1
        let units = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"]
        // What would be 1024 once it is rounded is one of the next unit.
        while value >= 1023.5, unit < units.count - 1 {
            value /= 1024
            unit += 1
        }
        // By the value as it is shown: 9.999 has three digits as 10.0.
        let hundredths = Int((value * 100).rounded())
        let tenths = Int((value * 10).rounded())
        switch hundredths {
        case ..<1000: return "\(hundredths / 100).\(hundredths / 10 % 10)\(hundredths % 10) \(units[unit])"
        case _ where tenths < 1000: return "\(tenths / 10).\(tenths % 10) \(units[unit])"
        default: return "\(Int(value.rounded())) \(units[unit])"
        }
    }
}
