/// How many columns of a terminal text takes, which is not how many characters it has: those of East Asian scripts and
/// emoji take two, and marks that stand on others none.
extension StringProtocol {
    var columns: Int { reduce(0) { $0 + $1.columns } }

    /// At most `limit` columns of it, with `…` in the place of what is left out of its middle: names differ at their
    /// ends.
    func fitted(to limit: Int) -> String {
        guard columns > limit else { return String(self) }
        guard limit > 1 else { return limit == 1 ? "…" : "" }
        let tail = (limit - 1) / 2
        return beginning(of: limit - 1 - tail) + "…" + String(String(reversed()).beginning(of: tail).reversed())
    }

    /// At most `limit` columns of it, with `…` in the place of its end: for sentences.
    func clipped(to limit: Int) -> String {
        guard columns > limit else { return String(self) }
        return limit > 0 ? beginning(of: limit - 1) + "…" : ""
    }

    private func beginning(of limit: Int) -> String {
        var room = limit
        return String(
            prefix { character in
                room -= character.columns
                return room >= 0
            })
    }
}

extension Character {
    fileprivate var columns: Int {
        if let ascii = asciiValue { return ascii < 0x20 || ascii == 0x7F ? 0 : 1 }
        // U+FE0F asks for the picture of a character that is also text.
        if unicodeScalars.contains("\u{FE0F}") { return 2 }
        return unicodeScalars.reduce(0) { Swift.max($0, $1.columns) }
    }
}

extension Unicode.Scalar {
    /// East Asian Width, Wide and Fullwidth (https://www.unicode.org/reports/tr11/), in blocks.
    private static let wide: [ClosedRange<UInt32>] = [
        0x1100...0x115F, 0x2E80...0x303E, 0x3041...0x33FF, 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xA000...0xA4CF,
        0xA960...0xA97F, 0xAC00...0xD7A3, 0xF900...0xFAFF, 0xFE30...0xFE6F, 0xFF00...0xFF60, 0xFFE0...0xFFE6,
        0x20000...0x3FFFD,
    ]

    fileprivate var columns: Int {
        switch properties.generalCategory {
        case .nonspacingMark, .enclosingMark, .format, .control: 0
        default: properties.isEmojiPresentation || Self.wide.contains { $0.contains(value) } ? 2 : 1
        }
    }
}
