/// The terminal's view of a comparison: what changed, in a table.
extension Comparison {
    /// With `all`, also what did not change; with `colours`, better in green and worse in red.
    public func text(all: Bool = false, colours: Bool = false) -> String {
        let shown = all ? changes : real
        var parts: [String] = []
        if !shown.isEmpty { parts.append(table(shown, colours)) }
        parts.append(summary)
        if !remarks.isEmpty { parts.append(remarks.map { "  " + $0 }.joined(separator: "\n")) }
        return parts.joined(separator: "\n\n") + "\n"
    }

    private func table(_ shown: [Change], _ colours: Bool) -> String {
        var table = TextTable(
            header: ["scenario", "", "old", "new", "new/old", "95%", "verdict"], left: [0, 1, 6])
        var scenario = ""
        for change in shown {
            table.add([
                change.scenario == scenario ? "" : change.title, unit(change), Format.brief(change.old),
                Format.brief(change.new), change.ratio.map { Format.fixed($0, 3) } ?? "–",
                change.interval.map { Format.fixed($0.low, 3) + "…" + Format.fixed($0.high, 3) } ?? "–",
                change.verdict.rawValue,
            ])
            scenario = change.scenario
        }
        guard colours else { return table.text }
        // The header and the line under it come first.
        let lines = table.text.split(separator: "\n", omittingEmptySubsequences: false)
        let painted = zip(lines.dropFirst(2), shown).map { line, change in paint(line, change.verdict) }
        return (lines.prefix(2).map(String.init) + painted).joined(separator: "\n")
    }

    private func unit(_ change: Change) -> String {
        // A rate is always of direct, and says so itself.
        change.relativeTo.isEmpty || change.metric == .rate ? change.unit : change.unit + ", of peers"
    }

    private func paint(_ line: Substring, _ verdict: Verdict) -> String {
        switch verdict {
        case .better: "\u{1b}[32m\(line)\u{1b}[0m"
        case .worse: "\u{1b}[31m\(line)\u{1b}[0m"
        case .withinNoise, .tooFew: String(line)
        }
    }

    private var summary: String {
        guard !changes.isEmpty else { return "The runs have no figure of Portico in common" }
        let better = real.count { $0.verdict == .better }
        let few = changes.count { $0.verdict == .tooFew }
        var sum =
            "\(real.count) of \(changes.count) figures changed beyond the noise: \(better) better, "
            + "\(real.count - better) worse"
        if few > 0 { sum += "; \(few) rest on a single repetition" }
        let yardsticks = Set(changes.filter { $0.metric != .rate }.flatMap(\.relativeTo)).sorted()
        if !yardsticks.isEmpty {
            sum +=
                "\n“of peers” is over the geometric mean of \(yardsticks.joined(separator: ", ")) in the same repetition"
        }
        return sum
    }
}
