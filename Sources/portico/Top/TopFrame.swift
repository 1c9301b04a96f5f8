import Base

extension Frame {
    /// `portico top` on a terminal.
    ///
    /// - Parameters:
    ///   - columns: of the terminal.
    ///   - height: lines that the frame may have, at least 1.
    init(_ model: TopModel, columns: Int, height: Int, at now: ContinuousClock.Instant) {
        var lines = Self.head(model, now)
        let keys = Self.keys(model)
        let room = max(1, height - lines.count - 1)
        if model.isShowingHelp {
            lines += Self.help
        } else if let port = model.opened {
            lines += Self.page(of: port, room)
        } else {
            lines += Self.table(model, room, columns)
        }
        self.init(lines: lines.prefix(max(0, height - 1)) + [keys], columns: columns)
    }

    /// Rows of a page of this height.
    static func page(_ height: Int) -> Int { max(1, height - 5) }

    private static func head(_ model: TopModel, _ now: ContinuousClock.Instant) -> [[StyledText]] {
        guard let picture = model.picture else {
            return [[StyledText(model.failure?.text ?? "asking …", model.failure == nil ? .dim : .red)]]
        }
        let node = picture.node.map { " on \($0)" } ?? ""
        var title = [
            StyledText("\(picture.command)\(node)", .bold),
            "  \(picture.servedServices) of \(picture.allServices) served",
        ]
        if picture.problemCount > 0 { title.append(StyledText("  \(several(picture.problemCount, "problem"))", .red)) }
        if picture.rules?.inForce == false { title.append(StyledText("  rules not in force", .red)) }
        if picture.phase != "serving" { title.append(StyledText("  \(picture.phase)", .yellow)) }
        let rates = "  \(rate(model.accepted)) new/s  \(Self.rate(UInt64(min(model.bytes, 1e18))))"
        title.append("  \(several(picture.totals.open, "connection")) now, \(picture.totals.accepted) in all\(rates)")
        guard let failure = model.failure else { return [title] }
        let seconds = Int((now - failure.since) / .seconds(1))
        return [title, [StyledText("no answer for \(seconds) s, trying again: \(failure.text)", .red)]]
    }

    private static func keys(_ model: TopModel) -> [StyledText] {
        if model.isTyping { return ["/\(model.filter)", StyledText("▏", .dim)] }
        if model.isShowingHelp { return [StyledText("any key: back", .dim)] }
        if model.opened != nil { return [StyledText("Esc: back  q: quit", .dim)] }
        let filter = model.filter.isEmpty ? "" : "  filter: \(model.filter) (Esc: none)"
        return [
            StyledText("by \(model.order.rawValue)", .cyan), StyledText(filter, .cyan),
            StyledText("  s: sort  /: filter  ↑↓: move  Enter: open  ?: keys  q: quit", .dim),
        ]
    }

    private static let help: [[StyledText]] = [
        "", "  ↑ ↓ j k         move", "  PgUp PgDn g G   move far",
        "  Enter           a service port with its endpoints",
        "  Esc             back, or no filter",
        "  s S             the next order, the one before: "
            + TopOrder.allCases.map(\.rawValue).joined(separator: ", "),
        "  /               filter by name, address or pod", "  q Ctrl-C        quit",
    ].map { [StyledText($0)] }

    // MARK: The table

    private static func table(_ model: TopModel, _ room: Int, _ columns: Int) -> [[StyledText]] {
        guard !model.rows.isEmpty else {
            let text = model.filter.isEmpty ? "no service ports" : "nothing fits the filter"
            return model.picture == nil ? [] : [[StyledText("  \(text)", .dim)]]
        }
        let page = max(1, room - 1)
        let first = max(0, min(model.selected - page / 2, model.rows.count - page))
        let rows = model.rows[first..<min(model.rows.count, first + page)]
        // What matters least gives way where there is no room.
        for cells in [TopColumn.all, TopColumn.few, TopColumn.fewest] {
            let lines = lines(rows, cells, marked: model.selected)
            if lines.allSatisfy({ $0.reduce(0) { $0 + $1.width } <= columns }) || cells == TopColumn.fewest {
                return lines
            }
        }
        return []
    }

    private static func lines(
        _ rows: ArraySlice<TopRow>, _ columns: [TopColumn], marked: Int
    ) -> [[StyledText]] {
        let cells = rows.map { row in columns.map { $0.cell(row) } }
        let widths = columns.indices.map { index in
            cells.reduce(columns[index].rawValue.count) { max($0, $1[index].width) }
        }
        func line(_ cells: [StyledText], _ mark: String) -> [StyledText] {
            var pieces = [StyledText(mark, .cyan)]
            for (index, cell) in cells.enumerated() {
                let padding = StyledText(String(repeating: " ", count: widths[index] - cell.width))
                let isLast = index == cells.count - 1
                pieces += columns[index].isNumber ? [padding, cell] : isLast ? [cell] : [cell, padding]
                if !isLast { pieces.append("  ") }
            }
            return pieces.filter { !$0.text.isEmpty }
        }
        let head = line(columns.map { StyledText($0.rawValue, .bold) }, "  ")
        return [head] + zip(rows.indices, cells).map { line($1, $0 == marked ? "▸ " : "  ") }
    }

    fileprivate static func rate(_ value: Double) -> String {
        value < 10 && value > 0 ? "\((value * 10).rounded() / 10)" : "\(Int(min(value, 1e18).rounded()))"
    }

    // MARK: One service port

    private static func page(of port: StatusPicture.Port, _ room: Int) -> [[StyledText]] {
        var lines: [[StyledText]] = [
            [], [StyledText("  \(port.service)", .bold), "  \(port.protocol), \(port.family), \(port.policy) policy"],
        ]
        lines += port.places.map { [StyledText("  at \($0)")] }
        for problem in port.listening.compactMap(\.problem) { lines.append([StyledText("  \(problem)", .red)]) }
        let counters = port.counters
        lines.append([
            StyledText(
                "  \(several(counters.open, "connection")) now, \(counters.accepted) in all, \(Bytes.text(UInt64(counters.bytesUp))) to pods, "
                    + "\(Bytes.text(UInt64(counters.bytesDown))) to clients, \(counters.refused) refused, \(counters.broken) broken, "
                    + "\(several(counters.dialFailures, "failed attempt"))")
        ])
        lines.append([])
        guard !port.endpoints.isEmpty else {
            return lines + [[StyledText("  no endpoints" + (port.reason.map { ": \($0)" } ?? ""), .yellow)]]
        }
        let width = port.endpoints.reduce(3) { max($0, $1.pod.columns) }
        let left = room - lines.count - 1
        let endpoints = port.endpoints.sorted { ($0.isReady ? 1 : 0, -$0.open) < ($1.isReady ? 1 : 0, -$1.open) }
        for endpoint in endpoints.prefix(max(1, left)) {
            let padding = String(repeating: " ", count: max(0, width - endpoint.pod.columns))
            lines.append([
                endpoint.isReady ? StyledText("  ready    ", .green) : StyledText("  ejected  ", .red),
                StyledText("\(endpoint.pod)\(padding)  \(endpoint.address)"), "  \(endpoint.open) now",
                endpoint.local ? "  here" : "",
            ])
        }
        let more = endpoints.count - max(1, left)
        return more > 0 ? lines + [[StyledText("  … and \(more) more", .dim)]] : lines
    }
}

/// A column of the table.
private enum TopColumn: String {
    case state = "STATE", service = "SERVICE", address = "ADDRESS", pods = "PODS", now = "NOW", rate = "NEW/S"
    case bytes = "BYTES/S", failures = "FAIL/S"

    static let all: [TopColumn] = [.state, .service, .address, .pods, .now, .rate, .bytes, .failures]
    static let few: [TopColumn] = [.state, .service, .pods, .now, .rate, .bytes, .failures]
    static let fewest: [TopColumn] = [.state, .service, .now, .failures]

    var isNumber: Bool { [.pods, .now, .rate, .bytes, .failures].contains(self) }

    func cell(_ row: TopRow) -> StyledText {
        let port = row.port
        switch self {
        case .state:
            let colour: Colour =
                switch row.state {
                case .closed, .failing: .red
                case .partly, .empty: .yellow
                case .ok: .green
                }
            return StyledText("\(row.state)", colour)
        case .service: return StyledText(row.name.fitted(to: 48))
        case .address:
            guard let first = port.places.first else { return StyledText("-", .dim) }
            return StyledText(port.places.count > 1 ? "\(first) +\(port.places.count - 1)" : first)
        case .pods:
            let (usable, all) = (port.usable, port.endpoints.count)
            return StyledText(usable == all ? "\(all)" : "\(usable) of \(all)")
        case .now: return "\(port.counters.open)"
        case .rate: return StyledText(Frame.rate(row.accepted))
        case .bytes: return StyledText(Frame.rate(UInt64(min(row.bytes, 1e18))))
        case .failures: return StyledText(Frame.rate(row.failures), row.failures > 0 ? .red : nil)
        }
    }
}
