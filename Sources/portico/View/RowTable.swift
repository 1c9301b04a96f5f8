import Balancing
import Base

/// The rows of a frame in columns that fit its width. What matters least gives way first: further addresses, the middle
/// of long names, then whole columns.
struct RowTable {
    private(set) var lines: [[StyledText]] = []

    private enum Column: CaseIterable {
        case state, service, address, pods, now, all, rate

        var title: String {
            switch self {
            case .state: "STATE"
            case .service: "SERVICE"
            case .address: "ADDRESS"
            case .pods: "PODS"
            case .now: "NOW"
            case .all: "ALL"
            case .rate: "RATE"
            }
        }

        var isNumber: Bool { [.pods, .now, .all].contains(self) }
    }

    /// Names are not cut shorter than this as long as something else can give way.
    private static let longName = 24
    private static let shortName = 10
    /// Columns that go when there is no room, one after the other.
    private static let dispensable: [Column] = [.pods, .all, .rate, .address, .now]

    private let rows: [ServiceRow]
    private let room: Int
    private let hasOneNamespace: Bool
    private var columns = Column.allCases
    private var hasAllAddresses = true
    private var nameLimit = Int.max

    init(_ rows: [ServiceRow], columns room: Int) {
        self.rows = rows
        self.room = room
        hasOneNamespace = Set(rows.map(\.id.name.namespace)).count == 1
        fit()
        let widths = columns.map(width)
        lines.append(line(columns.map { StyledText($0.title, .bold) }, widths))
        for row in rows {
            lines.append(line(columns.map { cell($0, row) }, widths))
            guard let remark = row.remark else { continue }
            let indent = String(repeating: " ", count: (widths.first ?? 0) + 2)
            lines.append([StyledText(indent + remark, row.state == .ok ? .dim : nil)])
        }
    }

    private mutating func fit() {
        guard total > room else { return }
        hasAllAddresses = false
        limitNames(to: Self.longName)
        for column in Self.dispensable where total > room {
            columns.removeAll { $0 == column }
            // The others may need less than all of what it had.
            nameLimit = .max
            limitNames(to: Self.longName)
        }
        limitNames(to: Self.shortName)
    }

    private mutating func limitNames(to least: Int) {
        let excess = total - room
        if excess > 0 { nameLimit = max(least, width(.service) - excess) }
    }

    private var total: Int { columns.reduce(0) { $0 + width($1) } + 2 * (columns.count - 1) }

    private func width(_ column: Column) -> Int {
        rows.reduce(column.title.count) { max($0, cell(column, $1).width) }
    }

    private func cell(_ column: Column, _ row: ServiceRow) -> StyledText {
        switch column {
        case .state: StyledText("\(row.state)", Self.colour(row.state))
        case .service: StyledText(name(row).fitted(to: nameLimit))
        case .address: address(row)
        case .pods: StyledText(row.usable == row.endpoints ? "\(row.endpoints)" : "\(row.usable) of \(row.endpoints)")
        case .now: StyledText("\(row.open)")
        case .all: StyledText("\(row.accepted)")
        case .rate: StyledText(Frame.rate(row.rate))
        }
    }

    private func name(_ row: ServiceRow) -> String {
        let name = "\(row.id)".onOneLine
        // That of one namespace is clear without it.
        return hasOneNamespace ? String(name.dropFirst(row.id.name.namespace.count + 1)) : name
    }

    private func address(_ row: ServiceRow) -> StyledText {
        guard let first = row.addresses.first else { return StyledText("-", .dim) }
        let more = row.addresses.count - 1
        return StyledText(
            hasAllAddresses ? row.addresses.joined(separator: ", ") : more > 0 ? "\(first) +\(more)" : first)
    }

    private static func colour(_ state: ServiceRow.State) -> Colour {
        switch state {
        case .closed, .failing: .red
        case .partly, .empty: .yellow
        case .ok: .green
        }
    }

    private func line(_ cells: [StyledText], _ widths: [Int]) -> [StyledText] {
        var pieces: [StyledText] = []
        for (index, cell) in cells.enumerated() {
            let padding = String(repeating: " ", count: max(0, widths[index] - cell.width))
            let isLast = index == cells.count - 1
            let gap = isLast ? "" : "  "
            // Nothing is padded behind the last one: such spaces wrap when the terminal gets narrower.
            pieces +=
                columns[index].isNumber ? [StyledText(padding), cell] : [cell, StyledText(isLast ? "" : padding)]
            pieces.append(StyledText(gap))
        }
        return pieces.filter { !$0.text.isEmpty }
    }
}
