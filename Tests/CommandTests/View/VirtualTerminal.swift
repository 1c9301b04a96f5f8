/// What a person sees on a terminal to which some text was written: as much of a VT100 as views use. What it does not know is kept,
/// so that a test fails that uses it.
struct VirtualTerminal {
    private(set) var columns: Int
    private(set) var rows: Int
    /// All lines since the beginning; the last `rows` of them are on the screen.
    private var lines: [[Character]] = [[]]
    private var row = 0
    private var column = 0
    private var wraps = true
    private var hasCursor = true
    /// What is seen while a picture is drawn that is to be shown at once.
    private var held: (lines: [[Character]], hasCursor: Bool)?
    private(set) var unknown: [String] = []
    /// A sequence that has begun.
    private var sequence: String?

    init(columns: Int = 80, rows: Int = 24) {
        (self.columns, self.rows) = (columns, rows)
    }

    /// Those with text in them, without blanks at their ends.
    var text: [String] { Self.trimmed(held?.lines ?? lines) }

    /// Those of them that are on the screen.
    var screen: [String] { Self.trimmed((held?.lines ?? lines).suffix(rows)) }

    var isCursorShown: Bool { held?.hasCursor ?? hasCursor }

    private var top: Int { max(0, lines.count - rows) }

    mutating func write(_ text: String) {
        // "\r\n" is one character to Swift.
        for scalar in text.unicodeScalars { take(Character(scalar)) }
    }

    /// As terminals do that wrap their lines anew.
    mutating func resize(columns: Int, rows: Int) {
        var (next, place) = ([[Character]](), 0)
        for (index, line) in lines.enumerated() {
            let pieces = stride(from: 0, to: max(line.count, 1), by: columns).map {
                Array(line.dropFirst($0).prefix(columns))
            }
            next += pieces
            if index == row { place = next.count - 1 }
        }
        (self.columns, self.rows, lines, row) = (columns, rows, next, place)
        column = min(column, columns - 1)
    }

    private mutating func take(_ character: Character) {
        if let begun = sequence {
            sequence = begun + String(character)
            if begun.count >= 1, character.isLetter { end() }
            return
        }
        switch character {
        case "\u{1B}": sequence = ""
        case "\r": column = 0
        case "\n": lineFeed()
        case "\u{7}": break
        default:
            if column >= columns {
                if wraps {
                    column = 0
                    lineFeed()
                } else {
                    column = columns - 1
                }
            }
            while lines[row].count <= column { lines[row].append(" ") }
            lines[row][column] = character
            column += 1
        }
    }

    private mutating func lineFeed() {
        row += 1
        if row == lines.count { lines.append([]) }
    }

    private mutating func end() {
        let sequence = sequence ?? ""
        self.sequence = nil
        let number = Int(sequence.dropFirst().dropLast().filter(\.isNumber)) ?? 0
        switch sequence {
        case "[?25l": hasCursor = false
        case "[?25h": hasCursor = true
        case "[?7l": wraps = false
        case "[?7h": wraps = true
        case "[?2026h": held = held ?? (lines, hasCursor)
        case "[?2026l": held = nil
        case "[J":
            lines.removeSubrange((row + 1)...)
            lines[row] = Array(lines[row].prefix(column))
        case "[K": lines[row] = Array(lines[row].prefix(column))
        case _ where sequence.hasSuffix("m"): break
        case _ where sequence.hasSuffix("A"): row = max(top, row - max(number, 1))
        default: unknown.append(sequence)
        }
    }

    private static func trimmed(_ lines: some Collection<[Character]>) -> [String] {
        var lines = lines.map { line in
            String(line[...(line.lastIndex { $0 != " " } ?? -1)])
        }
        while lines.last?.isEmpty == true { lines.removeLast() }
        return lines
    }
}
