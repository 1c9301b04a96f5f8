import Testing

@testable import Measure

@Suite struct ScaleTests {
    private func size(
        _ services: Int, cpu: Double = 0.0004, endpoint: Double = 0.3, rules: Double = 0.35, start: Double = 1,
        peak: Double = 100e6
    ) -> ScaleResults.Size {
        var size = ScaleResults.Size(services: services)
        for change in ScaleResults.Change.allCases {
            size.changes[change] = (0..<3).map { _ in
                .init(
                    ownCPU: cpu, childrenCPU: change.changesRules ? 0.02 : 0,
                    wall: change.changesRules ? rules : endpoint, othersShare: 0.5)
            }
        }
        size.starts = [
            .init(wall: start, ownCPU: 1, childrenCPU: 0.2, peakMemory: peak, memory: peak, othersShare: 0)
        ]
        size.iptables = [.added: [0.04], .deleted: [0.04]]
        return size
    }

    private func results(_ sizes: [ScaleResults.Size]) -> ScaleResults {
        var results = ScaleResults(version: "1", endpoints: 10, pollInterval: 0.25)
        results.emptyMemory = 20e6
        results.sizes = sizes
        return results
    }

    private func verdict(_ results: ScaleResults, _ title: String) throws -> ScaleVerdict {
        try #require(results.verdicts.first { $0.title.contains(title) })
    }

    @Test func whatIsTheSameAtAllSizesIsMet() {
        #expect(results([size(10), size(10_000)]).verdicts.allSatisfy { $0.verdict != .missed })
    }

    @Test func costThatGrowsWithTheServicesIsMissed() throws {
        let grown = results([size(10), size(10_000, cpu: 0.0009)])
        #expect(try verdict(grown, "an endpoint changed: own CPU at any size").verdict == .met)
        #expect(try verdict(grown, "an endpoint changed: own CPU, the most").verdict == .missed)
        #expect(try verdict(results([size(10), size(10_000, cpu: 0.0011)]), "own CPU at any size").verdict == .missed)
    }

    @Test func waitingForTheLookAtFilesAndForIptablesIsNotPorticos() throws {
        #expect(try verdict(results([size(10, endpoint: 0.34)]), "over the poll interval").verdict == .met)
        #expect(try verdict(results([size(10, endpoint: 0.36)]), "over the poll interval").verdict == .missed)
        #expect(try verdict(results([size(10, rules: 0.359)]), "a Service added, of").verdict == .met)
        #expect(try verdict(results([size(10, rules: 0.361)]), "a Service added, of").verdict == .missed)
    }

    @Test func startsAreJudgedWithTenThousandServicesOnly() throws {
        #expect(results([size(1000, start: 9)]).verdicts.contains { $0.title.hasPrefix("start") } == false)
        let slow = results([size(10_000, start: 2.2, peak: 151e6)])
        #expect(try verdict(slow, "until all is in force").verdict == .met)
        #expect(try verdict(slow, "peak memory").verdict == .missed)
    }

    @Test func memoryIsHeldAgainstAnEmptyStart() throws {
        var size = size(10_000)
        size.memoryAfterAll = 51e6
        #expect(try verdict(results([size]), "Services gone").verdict == .missed)
        size.memoryAfterAll = 49e6
        #expect(try verdict(results([size]), "Services gone").verdict == .met)
    }

    @Test func childrenCountAtRestAndManyFilesMayCostMore() throws {
        var size = size(10_000)
        size.idle = [
            .init(files: 200, seconds: 60, own: 0.003, children: 0.003, othersShare: 0),
            .init(files: 20_000, seconds: 60, own: 0.016, children: 0.003, othersShare: 0),
        ]
        #expect(try verdict(results([size]), "in 200 files").verdict == .missed)
        #expect(try verdict(results([size]), "in 20000 files").verdict == .met)
    }

    @Test func theTextSaysWhatWasMeasuredAndWhoElseWasThere() {
        let text = results([size(10), size(10_000)]).text
        #expect(text.contains("a Service added: own CPU, ms") && text.contains("0.40 [0.40, 0.40]"))
        #expect(text.contains("0 missed") && text.contains("others used more than 5%"))
        // Children's CPU comes in ticks of a clock: the mean says something.
        #expect(text.contains("CPU of children, ms"))
    }
}
