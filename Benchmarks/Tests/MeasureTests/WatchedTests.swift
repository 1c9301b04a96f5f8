import Testing

@testable import Measure

/// Target T18: what it costs to be watched.
@Suite("Watched")
struct WatchedTests {
    private func verdicts(p99: Double, scrape: Double) -> [Target.Verdict] {
        var results = Results()
        for drift in [1.0, 3] {
            let scenario = "watched-rr-64"
            results.record(Sample([.p99: 100 * drift]), scenario: scenario, peer: Results.portico)
            results.record(Sample([.p99: p99 * drift, .scrape: scrape]), scenario: scenario, peer: Results.scraped)
        }
        return Target.watched.compactMap { $0.outcome(in: results)?.verdict }
    }

    @Test("A scrape is held against the same Portico that nobody watches, inside each repetition")
    func verdicts() {
        #expect(verdicts(p99: 104, scrape: 499) == [.met, .met])
        #expect(verdicts(p99: 106, scrape: 499) == [.missed, .met])
        #expect(verdicts(p99: 100, scrape: 501) == [.met, .missed])
    }
}
