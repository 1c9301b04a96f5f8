import Foundation

/// What a node's metrics were at one moment.
struct MetricScrape {
    struct Sample {
        let name: String
        let labels: [String: String]
        let value: Double
    }

    let samples: [Sample]

    init(samples: [Sample]) { self.samples = samples }

    /// - Parameter text: in Prometheus's format, of which only what the program writes is read.
    init(_ text: String = "") {
        samples = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.compactMap { line in
            guard let end = line.lastIndex(of: " "), let value = Double(line[end...].dropFirst()) else { return nil }
            let series = line[..<end].split(separator: "{", maxSplits: 1)
            let pairs = series.count == 1 ? [] : series[1].dropLast(2).components(separatedBy: "\",")
            let labels = pairs.map { $0.components(separatedBy: "=\"") }.filter { $0.count == 2 }
            return Sample(
                name: String(series[0]), labels: Dictionary(labels.map { ($0[0], $0[1]) }) { $1 }, value: value)
        }
    }

    func values(_ selector: MetricSelector) -> [Double] { samples.filter(selector.selects).map(\.value) }

    func sum(_ selector: MetricSelector) -> Double { values(selector).reduce(0, +) }

    func sum(_ selector: String) -> Double { MetricSelector(selector).map(sum) ?? .nan }
}

/// Which series are meant, as PromQL writes it: `portico_dials_total{result="refused"}`.
struct MetricSelector: CustomStringConvertible {
    /// What a label has to be: one of these.
    private struct Matcher {
        let label: String
        let values: [String]
    }

    let description: String
    let name: String
    private let matchers: [Matcher]

    /// Nil for what is not a selector, or one with matchers that nothing here has.
    init?(_ text: String) {
        description = text
        guard let parts = text.wholeMatch(of: /([a-z_]+)(?:\{(.*)\})?/) else { return nil }
        name = String(parts.1)
        let pairs = parts.2?.matches(of: /([a-z_]+)(=~|=)"([^"]*)",?/) ?? []
        guard pairs.map(\.0).joined() == parts.2 ?? "" else { return nil }
        // Of patterns, only those that list what is meant.
        matchers = pairs.map { pair in
            let values = pair.2 == "=" ? [String(pair.3)] : pair.3.split(separator: "|").map(String.init)
            return Matcher(label: String(pair.1), values: values)
        }
    }

    func selects(_ sample: MetricScrape.Sample) -> Bool {
        sample.name == name && matchers.allSatisfy { $0.values.contains(sample.labels[$0.label] ?? "") }
    }

    /// Whether there are such series, for each of the values that a label may have.
    func isWhollyIn(_ scrape: MetricScrape) -> Bool {
        let found = scrape.samples.filter(selects)
        let isComplete = matchers.allSatisfy { matcher in
            Set(matcher.values).isSubset(of: found.compactMap { $0.labels[matcher.label] })
        }
        return !found.isEmpty && isComplete
    }
}
