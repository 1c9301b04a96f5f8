/// A run as a picture: bars per scenario, one colour per participant, as SVG that any browser shows.
public struct Chart: Sendable {
    private let report: Report
    /// Told apart also by those who don't see red and green alike; Portico's stands out.
    private static let colours = ["#d1495b", "#30638e", "#5fa8d3", "#7a9e7e", "#b6a46b", "#9d8ba7"]
    private let bar = 11.0
    private let label = 300.0
    private let width = 920.0

    public init(_ report: Report) { self.report = report }

    public var svg: String {
        let peers = report.participants.filter { $0.name != Results.direct }
        var body = ""
        var y = 30.0
        body += text(20, y, "Portico and its peers on loopback", size: 18, weight: "bold")
        y += 20
        body += text(20, y, subtitle, size: 11, colour: "#666")
        y += 24
        var x = 20.0
        for (index, peer) in peers.enumerated() {
            body += rectangle(x, y - 9, 10, 10, colour(index, peer.name))
            body += text(x + 15, y, peer.title, size: 12)
            x += 35 + Double(peer.title.count) * 7
        }
        y += 16
        body += panel("Throughput, share of the direct path (longer is better)", .rate, peers, &y)
        body += panel("Proxy CPU, relative to the dearest (shorter is better)", .cpu, peers, &y)
        return """
            <svg xmlns="http://www.w3.org/2000/svg" width="\(n(width))" height="\(n(y + 10))" \
            viewBox="0 0 \(n(width)) \(n(y + 10))" font-family="system-ui, sans-serif">
            <rect width="100%" height="100%" fill="#fff"/>
            \(body)</svg>

            """
    }

    private var subtitle: String {
        ["machine", "kernel", "congestion control"].compactMap { report.environment[$0] }.joined(separator: " · ")
            + " · medians of \(report.repetitions) interleaved repetitions"
    }

    private func panel(
        _ title: String, _ metric: Metric, _ peers: [Report.Participant], _ y: inout Double
    ) -> String {
        let scenarios = report.scenarios.filter { $0.metrics.contains(metric) }
        guard !scenarios.isEmpty else { return "" }
        y += 26
        var body = text(20, y, title, size: 14, weight: "bold")
        y += 10
        for scenario in scenarios {
            let figures = peers.map { peer in
                metric == .rate
                    ? report.results.ratio(.rate, scenario.name, peer.name, to: Results.direct)
                    : report.results.figure(metric, scenario.name, peer.name)
            }
            // Ratios share one scale; CPU has another unit per scenario and is drawn against its own largest.
            let largest = metric == .rate ? 1.25 : figures.compactMap { $0?.median }.max() ?? 1
            let shown = figures.enumerated().filter { $0.element != nil }
            guard !shown.isEmpty, largest > 0 else { continue }
            let top = y
            for (index, figure) in shown {
                guard let figure else { continue }
                let length = min(1, max(0, figure.median / largest)) * (width - label - 90)
                body += rectangle(label, y, length, bar - 2, colour(index, peers[index].name))
                body += text(label + length + 5, y + bar - 3, value(figure.median, metric, scenario), size: 10)
                y += bar
            }
            body += text(label - 10, (top + y) / 2 + 3, scenario.title, size: 12, anchor: "end")
            y += 8
        }
        if metric == .rate {
            // Where the direct path is.
            let x = label + (width - label - 90) / 1.25
            body += "<line x1=\"\(n(x))\" x2=\"\(n(x))\" y1=\"\(n(y - 6))\" y2=\"\(n(y + 2))\" stroke=\"#999\"/>\n"
            body += text(x, y + 13, "1 = direct", size: 10, colour: "#666", anchor: "middle")
            y += 14
        }
        return body
    }

    private func value(_ median: Double, _ metric: Metric, _ scenario: Scenario) -> String {
        guard metric == .cpu else { return Format.fixed(median, 2) }
        return scenario.work == .bytes ? Format.fixed(median, 3) + " s/GiB" : Format.brief(median) + " µs"
    }

    private func colour(_ index: Int, _ name: String) -> String {
        if name == Results.portico { return Self.colours[0] }
        let others = Self.colours.dropFirst()
        let position =
            report.participants.filter { $0.name != Results.direct && $0.name != Results.portico }
            .firstIndex { $0.name == name } ?? index
        return others[others.startIndex + position % others.count]
    }

    private func text(
        _ x: Double, _ y: Double, _ string: String, size: Int, weight: String = "normal", colour: String = "#222",
        anchor: String = "start"
    ) -> String {
        var safe = ""
        for character in string {
            switch character {
            case "<": safe += "&lt;"
            case "&": safe += "&amp;"
            default: safe.append(character)
            }
        }
        return "<text x=\"\(n(x))\" y=\"\(n(y))\" font-size=\"\(size)\" font-weight=\"\(weight)\" fill=\"\(colour)\" "
            + "text-anchor=\"\(anchor)\">\(safe)</text>\n"
    }

    private func rectangle(_ x: Double, _ y: Double, _ width: Double, _ height: Double, _ fill: String) -> String {
        "<rect x=\"\(n(x))\" y=\"\(n(y))\" width=\"\(n(width))\" height=\"\(n(height))\" fill=\"\(fill)\"/>\n"
    }

    private func n(_ value: Double) -> String {
        let tenths = Int((value * 10).rounded())
        return tenths.isMultiple(of: 10) ? "\(tenths / 10)" : "\(tenths / 10).\(abs(tenths % 10))"
    }
}
