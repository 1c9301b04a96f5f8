import Foundation
import Testing

@testable import Measure

@Suite("Comparing two runs")
struct ComparisonTests {
    /// A run of one scenario with a repetition per element.
    private func report(
        _ scenario: String, _ repetitions: [[String: [Metric: Double]]], machine: String = "m"
    ) -> Report {
        var results = Results()
        for figures in repetitions {
            for (peer, values) in figures { results.record(Sample(values), scenario: scenario, peer: peer) }
        }
        return Report(
            environment: ["machine": machine], participants: [], skipped: [:], remarks: [],
            repetitions: repetitions.count, seconds: 1, results: results)
    }

    private func cpu(_ values: [Double], nginx: [Double]? = nil) -> Report {
        report(
            "rr-64",
            values.enumerated().map { number, value in
                var figures: [String: [Metric: Double]] = ["portico": [.cpu: value]]
                if let nginx { figures["nginx"] = [.cpu: nginx[number]] }
                return figures
            })
    }

    private func verdict(_ old: Report, _ new: Report, _ metric: Metric = .cpu) -> Comparison.Verdict? {
        Comparison(from: old, to: new).changes.first { $0.metric == metric }?.verdict
    }

    private let quiet = [10.0, 10.1, 10.2, 9.9, 9.8, 10.0, 10.1, 9.9]

    @Test("Less CPU is better, more is worse, and what overlaps is noise")
    func verdicts() {
        #expect(verdict(cpu(quiet), cpu(quiet.map { $0 * 0.9 })) == .better)
        #expect(verdict(cpu(quiet), cpu(quiet.map { $0 * 1.1 })) == .worse)
        #expect(verdict(cpu(quiet), cpu(quiet.reversed())) == .withinNoise)
        #expect(verdict(cpu(quiet), cpu(quiet.map { $0 * 1.002 })) == .withinNoise)
    }

    @Test("A higher rate is better, as a share of the direct path's in the same repetition")
    func rates() throws {
        func rates(_ share: Double, direct: [Double]) -> Report {
            report("rr-64", direct.map { ["direct": [.rate: $0], "portico": [.rate: $0 * share]] })
        }
        let old = rates(0.5, direct: [100, 90, 110])
        let new = rates(0.6, direct: [20, 30, 25])
        let change = try #require(Comparison(from: old, to: new).changes.first)
        #expect(change.verdict == .better)
        #expect(abs(change.old - 0.5) < 1e-9 && abs(change.new - 0.6) < 1e-9)
        #expect(verdict(old, rates(0.5, direct: [1, 2, 3]), .rate) == .withinNoise)
    }

    @Test("A slower machine is no slower Portico: what the peers lost, too, cancels out")
    func drift() throws {
        let peer = [20.0, 20.2, 20.4, 19.8, 19.6, 20.0, 20.2, 19.8]
        let old = cpu(quiet, nginx: peer)
        let slower = cpu(quiet.map { $0 * 1.5 }, nginx: peer.map { $0 * 1.5 })
        let change = try #require(Comparison(from: old, to: slower).changes.first)
        #expect(change.verdict == .withinNoise)
        #expect(change.relativeTo == ["nginx"])
        #expect(verdict(cpu(quiet), cpu(quiet.map { $0 * 1.5 })) == .worse)
    }

    @Test("Few repetitions have to be apart altogether, and one says nothing")
    func few() {
        #expect(verdict(cpu([10, 11, 12]), cpu([13, 14, 15])) == .worse)
        #expect(verdict(cpu([10, 11, 12]), cpu([11.5, 14, 15])) == .withinNoise)
        #expect(verdict(cpu([10]), cpu([20])) == .tooFew)
    }

    @Test("What works no more is worse, and losses compare although there were none")
    func noRatio() {
        func one(_ scenario: String, _ metric: Metric, _ values: [Double]) -> Report {
            report(scenario, values.map { ["portico": [metric: $0]] })
        }
        #expect(verdict(one("half-close", .works, [1]), one("half-close", .works, [0]), .works) == .worse)
        #expect(verdict(one("half-close", .works, [1]), one("half-close", .works, [1]), .works) == .withinNoise)
        #expect(verdict(one("udp-64", .lost, [0, 0]), one("udp-64", .lost, [0.1, 0.2]), .lost) == .worse)
        #expect(verdict(one("udp-64", .lost, [0, 0]), one("udp-64", .lost, [0, 0.2]), .lost) == .withinNoise)
    }

    @Test("The table shows what changed, lined up, in colours if wanted, and says how much did not")
    func text() {
        let comparison = Comparison(from: cpu(quiet), to: cpu(quiet.map { $0 * 0.5 }))
        let plain = comparison.text()
        #expect(plain.contains("round trips 64 B, 64 conn.  CPU µs each"))
        #expect(plain.contains("0.500"))
        #expect(plain.contains("1 of 1 figures changed beyond the noise: 1 better, 0 worse"))
        #expect(!plain.contains("\u{1b}"))
        let coloured = comparison.text(colours: true)
        #expect(coloured.contains("\u{1b}[32mround trips"))
        let same = Comparison(from: cpu(quiet), to: cpu(quiet))
        #expect(!same.text().contains("round trips"))
        #expect(same.text(all: true).contains("within the noise"))
    }

    @Test("Another machine is mentioned, and runs without a common scenario are told")
    func remarks() {
        let old = report("rr-64", [["portico": [.cpu: 1]]], machine: "a")
        #expect(
            Comparison(from: old, to: report("idle", [[:]], machine: "b")).text().contains("machine: a before, b now"))
        #expect(Comparison(from: old, to: report("idle", [[:]])).text().contains("no figure of Portico in common"))
    }

    @Test("Reports keep every repetition and their format; those of before had none")
    func format() throws {
        let report = cpu(quiet)
        let json = try JSONEncoder().encode(report)
        let read = try JSONDecoder().decode(Report.self, from: json)
        #expect(read.format == Report.currentFormat)
        #expect(read.results.samples["rr-64"]?["portico"]?.count == quiet.count)
        var object = try #require(try JSONSerialization.jsonObject(with: json) as? [String: Any])
        object["format"] = nil
        let before = try JSONDecoder().decode(Report.self, from: JSONSerialization.data(withJSONObject: object))
        #expect(before.format == nil)
        #expect(verdict(before, report) == .withinNoise)
    }
}

@Suite("Intervals")
struct IntervalTests {
    @Test(
        "Order statistics of the binomial distribution",
        arguments: [(5, nil), (6, (1, 6)), (8, (1, 8)), (9, (2, 8)), (20, (6, 15)), (100, (40, 61))]
            as [(Int, (Int, Int)?)])
    func ranks(count: Int, expected: (Int, Int)?) {
        let interval = Interval(ofMedian: (1...count).map(Double.init))
        #expect(interval?.low == expected.map { Double($0.0) })
        #expect(interval?.high == expected.map { Double($0.1) })
    }

    @Test("The interval of a ratio holds the ratio, narrows with repetitions, and is the same each time")
    func ratios() throws {
        func spread(_ count: Int) -> [Double] {
            (0..<count).map { 10 + Double($0 * 7 % count) / Double(count) }.sorted()
        }
        let few = try #require(Interval(ofRatio: spread(6), to: spread(6)))
        let many = try #require(Interval(ofRatio: spread(40), to: spread(40)))
        #expect(few.low < 1 && few.high > 1 && many.low < 1 && many.high > 1)
        #expect(many.high - many.low < few.high - few.low)
        #expect(Interval(ofRatio: spread(40), to: spread(40)) == many)
    }

    @Test("Beside the limit the aim is reached when the interval shows no difference")
    func aim() throws {
        func verdict(_ ratios: [Double]) -> Target.Outcome? {
            var results = Results()
            for ratio in ratios {
                results.record(Sample([.cpu: 10]), scenario: "rr-64", peer: "c-limit")
                results.record(Sample([.cpu: 10 * ratio]), scenario: "rr-64", peer: "portico")
            }
            let report = Report(
                environment: [:], participants: [], skipped: [:], remarks: [], repetitions: ratios.count, seconds: 1,
                results: results)
            return report.targets.first { $0.number == "T15" }
        }
        let even = (0..<20).map { 0.97 + Double($0) * 0.003 }
        #expect(verdict(even)?.verdict == .aimMet)
        #expect(verdict(even.map { $0 + 0.03 })?.verdict == .met)
        #expect(verdict(even.map { $0 + 0.1 })?.verdict == .missed)
        // Five repetitions can't show that there is none.
        #expect(verdict([0.99, 1.0, 1.0, 1.01, 1.0])?.verdict == .met)
        let interval = try #require(verdict(even)?.interval)
        #expect(interval.low < 1 && interval.high > interval.low)
    }
}
