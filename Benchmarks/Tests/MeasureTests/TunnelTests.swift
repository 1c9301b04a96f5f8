import Testing

@testable import Measure

/// Target T17 and what the table of `portico-bench tunnels` says.
@Suite("Tunnels")
struct TunnelTests {
    /// Two repetitions of one scenario.
    private func results(_ scenario: String, _ values: [String: [Metric: Double]]) -> Results {
        var results = Results()
        for _ in 0..<2 {
            for (peer, values) in values { results.record(Sample(values), scenario: scenario, peer: peer) }
        }
        return results
    }

    private func report(_ results: Results) -> Report {
        Report(
            environment: [:],
            participants: ["direct", "portico", "kubectl-1.20", "kubectl-1.33"].map {
                Report.Participant(name: $0, title: $0, version: "")
            }, skipped: [:], remarks: [], repetitions: 2, seconds: 1, results: results)
    }

    private func verdict(_ results: Results, _ title: String) throws -> Target.Verdict {
        try #require(report(results).targets.first { $0.number == "T17" && $0.title.contains(title) }).verdict
    }

    @Test(
        "A rate is held against the best kubectl, whichever that is",
        arguments: [(1.19, Target.Verdict.missed), (1.2, .met), (1.99, .met), (2, .aimMet)])
    func rates(ratio: Double, expected: Target.Verdict) throws {
        let values: [String: [Metric: Double]] = [
            "direct": [.rate: 100], "portico": [.rate: 10 * ratio], "kubectl-1.20": [.rate: 5],
            "kubectl-1.33": [.rate: 10],
        ]
        #expect(try verdict(results("tunnel-up-64", values), "up, 64 streams") == expected)
    }

    @Test("One failure in any repetition is a failure")
    func failures() throws {
        var results = Results()
        for failed in [0.0, 0, 1] {
            results.record(Sample([.failed: failed]), scenario: "tunnel-short", peer: "portico")
        }
        #expect(try verdict(results, "failed") == .missed)
    }

    @Test("Less memory and less CPU at rest are better")
    func rest() throws {
        let values: [String: [Metric: Double]] = [
            "portico": [.bytesPerPair: 830, .idleCPU: 0.9], "kubectl-1.20": [.bytesPerPair: 1000, .idleCPU: 1],
            "kubectl-1.33": [.bytesPerPair: 9000, .idleCPU: 1.5],
        ]
        #expect(try verdict(results("tunnel-idle", values), "memory") == .met)
        #expect(try verdict(results("tunnel-idle", values), "CPU") == .missed)
    }

    @Test("A reader that pauses costs its neighbours nothing, whatever it does to kubectl's")
    func pause() throws {
        let good: [String: [Metric: Double]] = [
            "portico": [.kept: 0.97, .works: 1], "kubectl-1.20": [.kept: 0, .works: 0],
        ]
        #expect(try verdict(results("tunnel-pause", good), "every byte") == .met)
        #expect(try verdict(results("tunnel-pause", good), "rate kept") == .met)
        let bad = results("tunnel-pause", ["portico": [.kept: 0.5, .works: 0]])
        #expect(try verdict(bad, "every byte") == .missed)
        #expect(try verdict(bad, "rate kept") == .missed)
    }

    @Test("The table has Portico over each kubectl, and no such part without tunnels")
    func table() throws {
        let values: [String: [Metric: Double]] = [
            "direct": [.rate: 100], "portico": [.rate: 30, .cpu: 1], "kubectl-1.20": [.rate: 12, .cpu: 4],
        ]
        let text = report(results("tunnel-up-1", values)).text
        let part = try #require(text.split(separator: "Portico over").dropFirst().first)
        #expect(part.contains("2.50") && part.contains("0.25") && part.contains("–"))
        #expect(!report(results("bulk-up-1", values)).text.contains("Portico over"))
    }

    @Test("No tunnel's scenario has the name of another")
    func names() {
        let names = (Scenario.catalogue + Scenario.tunnels).map(\.name)
        #expect(Set(names).count == names.count)
    }
}
