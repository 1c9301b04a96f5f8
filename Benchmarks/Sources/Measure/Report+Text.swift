/// The terminal's view of a run: conditions, figures, targets, and what to be careful about.
extension Report {
    public var text: String {
        var parts = [conditions, figures] + (rivalry.map { [$0] } ?? [])
        if !targets.isEmpty { parts.append(verdicts) }
        let warnings =
            skipped.sorted { $0.key < $1.key }.map { "\($0.key): left out, \($0.value)" } + remarks
            + (dirt.map { [$0] } ?? [])
        if !warnings.isEmpty { parts.append(warnings.map { "  " + $0 }.joined(separator: "\n")) }
        return parts.joined(separator: "\n\n") + "\n"
    }

    private var conditions: String {
        let order = ["machine", "kernel", "congestion control", "isolation", "threads"]
        var lines = order.compactMap { key in environment[key].map { "\(key): \($0)" } }
        lines.append(
            "versions: "
                + participants.filter { !$0.version.isEmpty }.map { "\($0.title) \($0.version)" }
                .joined(separator: ", "))
        lines.append(
            "medians of \(repetitions) interleaved repetitions of \(Format.brief(seconds)) s; "
                + "ratios are formed inside a repetition; ± is half the distance between the extremes, [ ] a 95% interval"
        )
        return lines.joined(separator: "\n")
    }

    private var figures: String {
        var table = TextTable(header: ["scenario", ""] + participants.map(\.title), left: [0, 1])
        for scenario in scenarios {
            for (number, metric) in scenario.metrics.enumerated() {
                let mark = results.isDirty(scenario.name) ? "~" : ""
                let cells = participants.map { cell(scenario, metric, $0.name) }
                table.add([number == 0 ? scenario.title + mark : "", metric.unit(in: scenario)] + cells)
            }
        }
        return table.text
    }

    /// Portico over each rival, of tunnels, which have no yardstick but the others.
    private var rivalry: String? {
        let rivals = participants.filter { ![Results.direct, Results.portico].contains($0.name) }
        let shown = scenarios.filter { $0.transport == .tunnel }
        guard !shown.isEmpty, !rivals.isEmpty else { return nil }
        var table = TextTable(header: ["Portico over", ""] + rivals.map(\.title), left: [0, 1])
        for scenario in shown {
            var title = scenario.title
            for metric in scenario.metrics where [.rate, .cpu, .bytesPerPair, .idleCPU].contains(metric) {
                let ratios = rivals.map { results.ratio(metric, scenario.name, Results.portico, to: $0.name) }
                guard ratios.contains(where: { $0 != nil }) else { continue }
                let unit = metric == .rate ? "rate" : metric.unit(in: scenario)
                table.add([title, unit] + ratios.map { $0.map { Format.fixed($0.median, 2) } ?? "–" })
                title = ""
            }
        }
        return table.text
    }

    /// Nil when the run had the machine to itself.
    private var dirt: String? {
        let samples = results.samples.values.flatMap(\.values).joined().compactMap { $0?.othersShare }
        let dirty = samples.filter { $0 > results.maxOthers }
        guard let share = Figure(dirty) else { return nil }
        return
            "~ others used more than \(Format.fixed(results.maxOthers * 100, 0))% of the machine in \(dirty.count) of "
            + "\(samples.count) measurements (median \(Format.fixed(share.median * 100, 0))%). "
            + "Scenarios marked ~ had too few clean ones: repeat them on a quiet machine"
    }

    private func cell(_ scenario: Scenario, _ metric: Metric, _ peer: String) -> String {
        if metric == .rate {
            if peer == Results.direct {
                guard let figure = results.figure(.rate, scenario.name, peer) else { return "–" }
                return Format.scaled(figure.median) + (scenario.work == .bytes ? "bit/s" : "/s")
            }
            guard let ratio = results.ratio(.rate, scenario.name, peer, to: Results.direct) else { return "–" }
            return Format.fixed(ratio.median, 2) + " ±" + Format.fixed(ratio.spread * 100, 0) + "%"
        }
        if peer == Results.direct && [.cpu, .added, .addedP99, .server].contains(metric) { return "" }
        guard let figure = results.figure(metric, scenario.name, peer) else { return "–" }
        switch metric {
        case .works: return figure.median == 1 ? "yes" : "no"
        case .lost: return Format.fixed(figure.median * 100, 1) + "%"
        case .bytesPerPair, .failed: return Format.fixed(figure.median, 0)
        case .cpu where scenario.work == .bytes: return Format.fixed(figure.median, 3)
        default: return Format.brief(figure.median)
        }
    }

    private var verdicts: String {
        var table = TextTable(
            header: ["target", "what", "measured", "at least", "aim", "verdict"], left: [0, 1, 5])
        for outcome in targets {
            table.add([
                outcome.number, outcome.title, Format.brief(outcome.measured) + range(outcome.interval),
                outcome.sign + " " + Format.brief(outcome.least),
                outcome.aim.map { outcome.sign + " " + Format.brief($0) } ?? "",
                outcome.verdict.rawValue + (results.isDirty(outcome.scenario) ? " ~" : ""),
            ])
        }
        let missed = targets.count { $0.verdict == .missed }
        let aims = targets.count { $0.verdict == .aimMet }
        let sum = "\(targets.count - missed) of \(targets.count) met, \(aims) of them at the aim, \(missed) missed"
        return table.text + "\n\n" + sum
    }

    private func range(_ interval: Interval?) -> String {
        interval.map { " [" + Format.brief($0.low) + ", " + Format.brief($0.high) + "]" } ?? ""
    }
}
