/// The terminal's view: a table by size, and the targets.
extension ScaleResults {
    public var text: String {
        var parts = [conditions, figures]
        if !verdicts.isEmpty { parts.append(targets) }
        let warnings = remarks + (dirt.map { [$0] } ?? [])
        if !warnings.isEmpty { parts.append(warnings.map { "  " + $0 }.joined(separator: "\n")) }
        return parts.joined(separator: "\n\n") + "\n"
    }

    private var conditions: String {
        let lines = ["machine", "kernel", "isolation"].compactMap { key in environment[key].map { "\(key): \($0)" } }
        return
            (lines + [
                "version: \(version)",
                "medians [of all, from the least to the most]; a wall time holds what is left of the poll interval of "
                    + "\(Format.fixed(pollInterval * 1e3, 0)) ms; children: iptables, its mean CPU",
            ]).joined(separator: "\n")
    }

    private var figures: String {
        var table = TextTable(
            header: ["Services × \(endpoints) endpoints"] + sizes.map { Format.fixed(Double($0.services), 0) })
        func add(_ title: String, _ cell: (Size) -> String?) {
            let cells = sizes.map { cell($0) ?? "–" }
            if cells.contains(where: { $0 != "–" }) { table.add([title] + cells) }
        }
        for change in Change.allCases {
            add("\(change.rawValue): own CPU, ms") { $0.cpu(change).map { range($0, times: 1e3, 2) } }
            if change.changesRules {
                add("  CPU of children, ms") { $0.childrenCPU(change).map { Format.fixed($0 * 1e3, 0) } }
            }
            add("  until in force, ms") { $0.wall(change).map { range($0, times: 1e3, 0) } }
            add("  iptables-restore alone, by hand, ms") {
                Figure($0.iptables[change] ?? []).map { range($0, times: 1e3, 0) }
            }
        }
        add("start: until all is in force, s") { Figure($0.starts.map(\.wall)).map { range($0, times: 1, 2) } }
        add("  own CPU, s") { Figure($0.starts.map(\.ownCPU)).map { range($0, times: 1, 2) } }
        add("  CPU of children, s") { Figure($0.starts.map(\.childrenCPU)).map { range($0, times: 1, 2) } }
        add("  peak memory, MB") { Figure($0.starts.map(\.peakMemory)).map { range($0, times: 1e-6, 1) } }
        add("  memory after it, MB") { Figure($0.starts.map(\.memory)).map { range($0, times: 1e-6, 1) } }
        add("memory when all have gone, MB") { $0.memoryAfterAll.map { Format.fixed($0 / 1e6, 1) } }
        add("  an empty start's, MB") { _ in emptyMemory > 0 ? Format.fixed(emptyMemory / 1e6, 1) : nil }
        add("  peak of the whole run, MB") { $0.peakMemory.map { Format.fixed($0 / 1e6, 1) } }
        for few in [true, false] {
            add(few ? "idle: own CPU + children, % of a core" : "  with each object in a file of its own") { size in
                size.idle.first { ($0.files < size.services) == few }.map {
                    Format.fixed($0.own * 100, 2) + " + " + Format.fixed($0.children * 100, 2)
                }
            }
        }
        return table.text
    }

    private func range(_ figure: Figure, times scale: Double, _ digits: Int) -> String {
        let median = Format.fixed(figure.median * scale, digits)
        guard figure.count > 1 else { return median }
        return median + " [" + Format.fixed(figure.low * scale, digits) + ", "
            + Format.fixed(figure.high * scale, digits)
            + "]"
    }

    private var targets: String {
        var table = TextTable(header: ["target", "measured", "at most", "aim", ""], left: [0, 4])
        for verdict in verdicts {
            table.add([
                verdict.title, Format.brief(verdict.measured), Format.brief(verdict.least),
                verdict.aim.map(Format.brief) ?? "", verdict.verdict.rawValue,
            ])
        }
        let missed = verdicts.count { $0.verdict == .missed }
        return table.text + "\n\n\(verdicts.count - missed) of \(verdicts.count) met, \(missed) missed"
    }

    /// Nil when the run had the machine to itself.
    private var dirt: String? {
        let shares = othersShares
        guard let dirty = Figure(shares.filter { $0 > 0.05 }) else { return nil }
        return "~ others used more than 5% of the machine in \(dirty.count) of \(shares.count) windows "
            + "(median \(Format.fixed(dirty.median * 100, 0))%): CPU can be compared all the same, wall times less so"
    }
}
