import Documents
import Foundation

/// The alerts of deploy/prometheus/rules.yaml: which series each of them looks at. That they fire is tested with made-up series, in
/// deploy/prometheus/rules.test.yaml; here it is that the program has such series.
struct AlertRules {
    struct Alert {
        let name: String
        let selectors: [MetricSelector]
        /// By which its series are put together, without those that Prometheus gives them.
        let labels: Set<String>
    }

    /// Labels of targets. Of these Prometheus has the metric `up`, too, which is none of the program's.
    private static let ofTargets: Set<String> = ["job", "instance", "node"]

    private let alerts: [String: Alert]

    init(_ yaml: String) throws {
        let tree = try DocumentTree.read(Array(yaml.utf8))
        func elements(_ key: String, of node: Int) -> [Int] {
            tree.value(of: key, in: node).map { tree.elements(of: $0).map(tree.resolve) } ?? []
        }
        let rules = tree.root.map { elements("groups", of: $0).flatMap { elements("rules", of: $0) } } ?? []
        let alerts = rules.compactMap { rule -> Alert? in
            guard let name = tree.text(at: ["alert"], in: rule), let text = tree.text(at: ["expr"], in: rule) else {
                return nil
            }
            let metrics = text.matches(of: /\b(?:portico|kubeproxy|process|rest_client)_[a-z0-9_]+(?:\{[^}]*\})?/)
            let groups = text.matches(of: /\bby \(([a-z_, ]*)\)/)
            return Alert(
                name: name, selectors: metrics.compactMap { MetricSelector(String($0.0)) },
                labels: Set(groups.flatMap { $0.1.components(separatedBy: ", ") }).subtracting(Self.ofTargets))
        }
        self.alerts = Dictionary(uniqueKeysWithValues: alerts.map { ($0.name, $0) })
    }

    func alert(_ name: String) -> Alert? { alerts[name] }
}

extension AlertRules.Alert {
    /// What it looks at and nobody has.
    func missing(in scrape: MetricScrape) -> [String] {
        let lacking = selectors.filter { selector in
            !selector.isWhollyIn(scrape)
                || !scrape.samples.filter(selector.selects).allSatisfy { labels.isSubset(of: $0.labels.keys) }
        }
        return lacking.map(\.description)
    }
}
