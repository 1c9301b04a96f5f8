import Foundation

/// The table at the end of docs/troubleshooting.md, read as what it claims: so it is the page itself that is tested.
///
/// A cell is a list, or begins with "none". Metrics are selectors in code, each with what becomes of it; log lines are
/// code, with "…" for what differs from time to time; alerts are names.
struct FaultTable {
    struct Row {
        let fault: String
        let metrics: [MetricClaim]
        let lines: [LogLine]
        let alerts: [String]
    }

    struct Mistake: Error, CustomStringConvertible {
        let description: String
    }

    private static let heading = "## Fault, metric, log line, alert"
    let rows: [Row]

    init(_ page: String) throws {
        guard let table = page.components(separatedBy: Self.heading + "\n").last, table != page else {
            throw Mistake(description: "there is no heading '\(Self.heading)'")
        }
        let lines = table.split(separator: "\n").filter { $0.hasPrefix("| ") || $0.hasPrefix("|-") }
        // Behind the head and the line under it.
        rows = try lines.dropFirst(2).map { line in
            let cells = line.dropFirst(2).dropLast(2).components(separatedBy: " | ")
            guard cells.count == 4 else { throw Mistake(description: "not four cells: \(line)") }
            return Row(
                fault: cells[0],
                metrics: try Self.list(cells[1], /`([^`]+)` (\+\d+|-\d+|\d+|grows|stays|is not there)/) {
                    guard let claim = MetricClaim(String($0.1), String($0.2)) else {
                        throw Mistake(description: "not a metric: \($0.1)")
                    }
                    return claim
                },
                lines: try Self.list(cells[2], /`([^`]+)`/) { LogLine(String($0.1)) },
                alerts: try Self.list(cells[3], /(Portico\w+)/) { String($0.1) })
        }
    }

    func row(_ fault: String) -> Row? { rows.first { $0.fault == fault } }

    /// The items of a cell that has nothing else, but commas between them.
    private static func list<Output, Item>(
        _ cell: String, _ form: Regex<Output>, _ item: (Output) throws -> Item
    ) throws -> [Item] {
        if cell.hasPrefix("none") { return [] }
        let items = cell.matches(of: form)
        let isAll = items.map { String(cell[$0.range]) }.joined(separator: ", ") == cell
        guard isAll, !items.isEmpty else { throw Mistake(description: "cannot be read as a list: \(cell)") }
        return try items.map { try item($0.output) }
    }
}

/// What becomes of a metric.
struct MetricClaim: CustomStringConvertible {
    private enum Expectation {
        /// Of each of its series.
        case value(Double)
        /// Of their sum.
        case change(Double)
        case growth
        case absence
    }

    let description: String
    private let selector: MetricSelector
    private let expectation: Expectation

    init?(_ metric: String, _ words: String) {
        guard let selector = MetricSelector(metric) else { return nil }
        self.selector = selector
        description = "\(metric) \(words)"
        switch words {
        case "grows": expectation = .growth
        case "stays": expectation = .change(0)
        case "is not there": expectation = .absence
        default:
            guard let number = Double(words) else { return nil }
            expectation = words.first?.isNumber == true ? .value(number) : .change(number)
        }
    }

    func holds(_ before: MetricScrape, _ after: MetricScrape) -> Bool {
        let values = after.values(selector)
        let change = after.sum(selector) - before.sum(selector)
        return switch expectation {
        case .value(let value): !values.isEmpty && values.allSatisfy { $0 == value }
        case .change(let wanted): !values.isEmpty && change == wanted
        case .growth: change > 0
        case .absence: values.isEmpty
        }
    }

    /// For the message of a test that fails.
    func found(_ before: MetricScrape, _ after: MetricScrape) -> String {
        "\(self), and it was \(before.values(selector)) and is \(after.values(selector))"
    }
}

/// A line of the log, with gaps.
struct LogLine: CustomStringConvertible {
    let description: String

    init(_ text: String) { description = text }

    /// Whether a line has all of its pieces in their order.
    func matches(_ line: some StringProtocol) -> Bool {
        var rest = Substring(line)
        for piece in description.components(separatedBy: "…") where !piece.isEmpty {
            guard let place = rest.range(of: piece) else { return false }
            rest = rest[place.upperBound...]
        }
        return true
    }
}
