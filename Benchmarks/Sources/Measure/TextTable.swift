/// Rows of cells, aligned: the first column to the left, the others to the right unless told otherwise.
public struct TextTable: Sendable {
    private var rows: [[String]] = []
    private let left: Set<Int>

    public init(header: [String], left: Set<Int> = [0]) {
        self.left = left
        rows.append(header)
    }

    public mutating func add(_ row: [String]) { rows.append(row) }

    /// A row that only says what follows.
    public mutating func add(section: String) { rows.append([section]) }

    public var text: String {
        let columns = rows.map(\.count).max() ?? 0
        var widths = [Int](repeating: 0, count: columns)
        // A section may be as long as it likes.
        for row in rows where row.count > 1 {
            for (column, cell) in row.enumerated() { widths[column] = max(widths[column], cell.count) }
        }
        var lines: [String] = []
        for (number, row) in rows.enumerated() {
            let line =
                row.count == 1
                ? row[0]
                : row.enumerated().map { column, cell in
                    let space = String(repeating: " ", count: widths[column] - cell.count)
                    return left.contains(column) ? cell + space : space + cell
                }.joined(separator: "  ")
            lines.append(String(line.reversed().drop { $0 == " " }.reversed()))
            if number == 0 {
                lines.append(String(repeating: "─", count: widths.reduce(0, +) + 2 * max(0, columns - 1)))
            }
        }
        return lines.joined(separator: "\n")
    }
}
