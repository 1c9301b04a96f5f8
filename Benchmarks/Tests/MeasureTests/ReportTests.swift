import Testing

@testable import Measure

/// A run with one repetition of the given figures.
private func results(_ scenario: String, _ figures: [String: [Metric: Double]], others: Double = 0) -> Results {
    var results = Results()
    for (peer, values) in figures {
        results.record(Sample(values, othersShare: others), scenario: scenario, peer: peer)
    }
    return results
}

private func report(_ results: Results) -> Report {
    let names = ["direct", "portico", "haproxy", "haproxy-splice", "nginx"]
    return Report(
        environment: ["kernel": "Linux <test>", "congestion control": "reno"],
        participants: names.map { .init(name: $0, title: $0, version: "1") }, skipped: ["envoy": "not installed"],
        remarks: [], repetitions: 1, seconds: 1, results: results)
}

@Suite("Targets")
struct TargetTests {
    private func bulk(_ portico: Double, _ best: Double) -> Target.Outcome? {
        report(
            results(
                "bulk-up-1",
                ["direct": [.rate: 100], "portico": [.rate: portico], "haproxy": [.rate: 20], "nginx": [.rate: best]])
        ).targets.first { $0.number == "T1" }
    }

    @Test("The floor of T1 is the best peer of the same run")
    func floor() throws {
        let outcome = try #require(bulk(60, 55))
        #expect(outcome.least == 0.55)
        #expect(outcome.verdict == .met)
        #expect(bulk(50, 55)?.verdict == .missed)
        #expect(bulk(70, 55)?.verdict == .aimMet)
    }

    @Test("Beyond the aim but behind the best peer is missed")
    func aimBelowFloor() { #expect(bulk(70, 75)?.verdict == .missed) }

    @Test("Less is better for CPU")
    func cpu() {
        func verdict(_ cpu: Double) -> Target.Verdict? {
            report(
                results(
                    "echo-4", ["portico": [.cpu: cpu], "haproxy-splice": [.cpu: 1], "direct": [.rate: 1]])
            ).targets.first { $0.number == "T3" }?.verdict
        }
        #expect(verdict(0.4) == .aimMet)
        #expect(verdict(0.5) == .met)
        #expect(verdict(0.7) == .missed)
    }

    @Test("Of several peers the best one counts, for rates and for costs")
    func bestPeer() {
        let results = results(
            "short-64-pinned",
            ["portico": [.rate: 10, .cpu: 50], "haproxy": [.rate: 8, .cpu: 100], "nginx": [.rate: 12.5, .cpu: 40]])
        #expect(results.againstBest(.rate, "short-64-pinned")?.median == 0.8)
        #expect(results.againstBest(.cpu, "short-64-pinned")?.median == 1.25)
    }

    @Test("Without Portico there is no verdict")
    func noData() {
        #expect(report(results("bulk-up-1", ["direct": [.rate: 1], "nginx": [.rate: 1]])).targets.isEmpty)
    }

    @Test("They are listed by number")
    func order() {
        var all = Results()
        for scenario in Scenario.catalogue {
            for peer in ["direct", "portico", "haproxy", "haproxy-splice", "nginx", "c-limit"] {
                let figure = peer == "direct" ? 1.0 : 2.0
                let values = Dictionary(uniqueKeysWithValues: Metric.allCases.map { ($0, figure) })
                all.record(Sample(values), scenario: scenario.name, peer: peer)
                all.record(Sample(values), scenario: scenario.name, peer: peer)
            }
        }
        let numbers = report(all).targets.compactMap { Int($0.number.dropFirst()) }
        #expect(numbers == numbers.sorted())
        #expect(Set(numbers) == [1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 14, 15])
    }
}

@Suite("Reports")
struct ReportTests {
    @Test("The table shows ratios, says who was left out, and marks what others disturbed")
    func text() {
        let values: [String: [Metric: Double]] = [
            "direct": [.rate: 50e9], "portico": [.rate: 30e9, .cpu: 0.11], "nginx": [.rate: 10e9, .cpu: 0.6],
        ]
        let clean = report(results("bulk-up-1", values)).text
        #expect(clean.contains("50.0Gbit/s"))
        #expect(clean.contains("0.60 ±0%"))
        #expect(clean.contains("envoy: left out, not installed"))
        #expect(!clean.contains("~"))
        let dirty = report(results("bulk-up-1", values, others: 0.5)).text
        #expect(dirty.contains("bulk up, 1 stream~"))
        #expect(dirty.contains("3 of 3 measurements"))
    }

    @Test("The chart is closed, escapes what isn't its own, and shows every figure")
    func chart() {
        let svg = Chart(
            report(
                results(
                    "bulk-up-1",
                    ["direct": [.rate: 100], "portico": [.rate: 61, .cpu: 0.11], "nginx": [.rate: 22, .cpu: 0.6]]))
        ).svg
        #expect(svg.hasPrefix("<svg "))
        #expect(svg.hasSuffix("</svg>\n"))
        #expect(svg.contains("Linux &lt;test>"))
        #expect(svg.contains(">0.61<"))
        #expect(svg.contains(">0.600 s/GiB<"))
    }

    @Test("Scenarios that are measured together follow each other, and are about the same peers")
    func groups() {
        let fair = Scenario.catalogue.filter { $0.method == .fairness }
        #expect(!fair.isEmpty)
        for scenario in fair {
            let together = Scenario.catalogue.indices.filter { Scenario.catalogue[$0].shares(loadOf: scenario) }
            #expect(together == Array(together[0]..<together[0] + together.count))
            #expect(together.allSatisfy { Scenario.catalogue[$0].rivals == scenario.rivals })
        }
        #expect(!Scenario.catalogue[0].shares(loadOf: Scenario.catalogue[0]))
    }

    @Test("No two scenarios share a name")
    func names() {
        let names = Scenario.catalogue.map(\.name)
        #expect(Set(names).count == names.count)
    }
}
