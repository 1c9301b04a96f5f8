/// Rows in aligned columns, as kubectl prints them: a header in capitals, two spaces between columns, no lines.
struct Table: Sendable {
    enum Alignment: Sendable {
        case leading
        case trailing
    }

    private let header: [String]
    private let alignments: [Alignment]
    private var rows: [[StyledText]] = []

    /// - Parameter columns: the header of each column; numbers are easier to compare when they are `trailing`.
    init(_ columns: (header: String, alignment: Alignment)...) {
        header = columns.map(\.header)
        alignments = columns.map(\.alignment)
    }

    init(_ headers: String...) {
        header = headers
        alignments = headers.map { _ in .leading }
    }

    /// Adds a row; cells that are missing at its end stay empty.
    mutating func addRow(_ cells: StyledText...) { addRow(cells) }

    mutating func addRow(_ cells: [StyledText]) {
        precondition(cells.count <= header.count, "a row has no more cells than the table has columns")
        rows.append(cells + Array(repeating: "", count: header.count - cells.count))
    }

    /// The table with a newline behind each row.
    func rendered(inColour: Bool) -> String {
        let widths = header.indices.map { column in
            max(header[column].count, rows.map { $0[column].width }.max() ?? 0)
        }
        let titles = header.map { StyledText($0, .bold) }
        return ([titles] + rows).map { line($0, widths, inColour) + "\n" }.joined()
    }

    private func line(_ cells: [StyledText], _ widths: [Int], _ inColour: Bool) -> String {
        // Nothing is padded behind the last text of a row: spaces at the end wrap in narrow terminals.
        let last = cells.lastIndex { $0.width > 0 } ?? 0
        return cells[...last].enumerated().map { column, cell in
            let text = cell.rendered(inColour: inColour)
            let padding = String(repeating: " ", count: widths[column] - cell.width)
            switch alignments[column] {
            case .leading: return column == last ? text : text + padding
            case .trailing: return padding + text
            }
        }.joined(separator: "  ")
    }
}
