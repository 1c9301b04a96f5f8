import Base
import Status

/// What stands on a terminal at one time: a function of a model and a size, and nothing else.
struct Frame: Sendable, Equatable {
    /// One line as the terminal gets it, without its end.
    struct Line: Sendable, Equatable {
        let text: String
        let columns: Int
    }

    /// Lines of pieces; none has more columns than there are.
    private(set) var lines: [[StyledText]] = []

    /// - Parameters:
    ///   - columns: of the terminal.
    ///   - height: lines that the frame may have, at least 1.
    init(_ model: ViewModel, columns: Int, height: Int) {
        let columns = max(columns, 1)
        let end = Self.end(model, columns)
        // The title, the names of the columns, and the end.
        let room = max(0, height - 2 - end.count)
        let shown = RowChoice(model.rows, room: room)
        lines = [Self.title(model)]
        if !shown.rows.isEmpty { lines += RowTable(shown.rows, columns: columns).lines }
        if let rest = shown.rest { lines.append([StyledText(rest, .dim)]) }
        lines += end
        lines = lines.prefix(max(height, 1)).map { Self.clipped($0, columns) }
    }

    /// - Parameter lines: pieces of lines, which are clipped to `columns`.
    init(lines: some Sequence<[StyledText]>, columns: Int) {
        self.lines = lines.map { Self.clipped($0, max(columns, 1)) }
    }

    func rendered(inColour: Bool) -> [Line] {
        lines.map { line in
            Line(
                text: line.map { $0.rendered(inColour: inColour) }.joined(), columns: line.reduce(0) { $0 + $1.width })
        }
    }

    private static func title(_ model: ViewModel) -> [StyledText] {
        let served = model.rows.count(where: \.state.isServed)
        let count = (served == model.rows.count ? "" : "\(served) of ") + several(model.rows.count, "port")
        var title = [
            StyledText(model.name, .bold),
            StyledText("  \(count) served"),
        ]
        if model.problems > 0 { title.append(StyledText("  \(several(model.problems, "problem"))", .red)) }
        if model.phase != .serving { title.append(StyledText("  ending", .yellow)) }
        title.append(
            StyledText(
                "  \(several(model.open, "connection")) now, \(model.accepted) in all"
                    + (model.rate > 0 ? "  \(rate(model.rate))" : "")))
        return title
    }

    /// As many remarks as one line has room for, and the first in any case.
    private static func end(_ model: ViewModel, _ columns: Int) -> [[StyledText]] {
        guard var text = model.remarks.first else { return [] }
        for remark in model.remarks.dropFirst() where text.columns + 1 + remark.columns <= columns {
            text += " " + remark
        }
        return [[StyledText(text, .dim)]]
    }

    private static func clipped(_ line: [StyledText], _ columns: Int) -> [StyledText] {
        var room = columns
        var pieces: [StyledText] = []
        for piece in line where room > 0 {
            let text = StyledText(piece.text.clipped(to: room), piece.colour)
            room -= text.width
            pieces.append(text)
        }
        return pieces
    }

    static func rate(_ bytes: UInt64) -> String { bytes == 0 ? "-" : "\(Bytes.text(bytes))/s" }
}

/// Which rows are shown where there is not room for all.
private struct RowChoice {
    let rows: [ServiceRow]
    /// What is said of those that are not.
    let rest: String?

    init(_ all: [ServiceRow], room: Int) {
        func height(_ index: Int) -> Int { all[index].remark == nil ? 1 : 2 }
        guard all.count > room || all.indices.reduce(0, { $0 + height($1) }) > room else {
            (rows, rest) = (all, nil)
            return
        }
        // One line says what is left out.
        var left = room - 1
        var rows: [ServiceRow] = []
        var counts: [ServiceRow.State: Int] = [:]
        // By numbers, since there may be thousands; in the order of their names where these are equal.
        var ranked: [[Int]] = Array(repeating: [], count: ServiceRow.ranks)
        for index in all.indices { ranked[all[index].rank].append(index) }
        for index in ranked.joined() {
            if left > 0 { left -= height(index) } else { left = -1 }
            if left >= 0 { rows.append(all[index]) } else { counts[all[index].state, default: 0] += 1 }
        }
        self.rows = rows
        let words = counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        rest = "… and \(all.count - rows.count) more: \(words.joined(separator: ", "))"
    }
}
