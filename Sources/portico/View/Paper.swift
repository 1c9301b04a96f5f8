/// What stands at the end of a terminal, and what to write so that something else does: a value, so that it can be seen
/// to be right without any terminal. While a frame stands there, the cursor is in its last line.
struct Paper {
    private var standing: [Frame.Line] = []
    /// The cursor may be anywhere.
    private var isLost = false

    private enum Sequence {
        static let clearToEnd = "\u{1B}[J"
        static let clearLine = "\u{1B}[K"
        /// A line that is too long for the terminal loses its end, or begins another.
        static let clips = "\u{1B}[?7l"
        static let wraps = "\u{1B}[?7h"
        /// Terminals that know these show all that is between them at once; others pass them over.
        static let begin = "\u{1B}[?2026h"
        static let end = "\u{1B}[?2026l"

        static func up(_ count: Int) -> String { count > 0 ? "\r\u{1B}[\(count)A" : "\r" }
    }

    /// Text that lets lines scroll above the frame, and brings the frame up to date; empty if all stands there.
    ///
    /// - Parameters:
    ///   - frame: empty for none.
    ///   - scrolling: whole lines.
    ///   - columns: of the terminal now.
    ///   - isResized: it had others when the frame was written that stands there.
    mutating func turn(to frame: [Frame.Line], scrolling: String, columns: Int, isResized: Bool) -> String {
        defer {
            standing = frame
            isLost = false
        }
        let isNew = !scrolling.isEmpty || isResized || frame.count != standing.count
        guard isNew || frame != standing else { return "" }
        var text =
            standing.isEmpty ? (frame.isEmpty ? "" : TerminalModes.enterSequence) : Sequence.up(height(columns) - 1)
        if isNew {
            if isLost { text += "\r\n" }
            if !standing.isEmpty { text += Sequence.clearToEnd }
            text += scrolling
            // In case that something else left the cursor within a line.
            text += frame.isEmpty ? "" : "\r" + Sequence.clips + frame.map(\.text).joined(separator: "\r\n")
        } else {
            let lines = zip(frame, standing).map { $0 == $1 ? "" : $0.text + Sequence.clearLine }
            text += Sequence.clips + lines.joined(separator: "\r\n")
        }
        return Sequence.begin + text + (frame.isEmpty ? "" : Sequence.wraps) + Sequence.end
    }

    /// Text that leaves the frame where it is, and the cursor below it.
    mutating func leave() -> String {
        defer { standing = [] }
        return standing.isEmpty ? "" : "\r\n" + TerminalModes.leaveSequence
    }

    /// Others have written to the terminal: what stands there stays, and the next frame comes below.
    mutating func forget() {
        if !standing.isEmpty { isLost = true }
        standing = []
    }

    /// Lines of the terminal that the frame has: those that are longer than the terminal is wide by now were wrapped by
    /// it.
    private func height(_ columns: Int) -> Int {
        standing.reduce(0) { $0 + max(1, ($1.columns + columns - 1) / max(columns, 1)) }
    }
}
