import Testing

@testable import portico

@Suite struct LineLimitTests {
    @Test("A flood is counted, and who says little is heard again after a while")
    func flood() {
        let start = ContinuousClock.now
        var limit = LineLimit(at: start)
        #expect((0..<5000).count { _ in limit.take(at: start) != nil } == 100)
        #expect(limit.take(at: start + .milliseconds(900)) == nil)
        #expect(limit.take(at: start + .seconds(1)) == 4901)
        #expect(limit.take(at: start + .milliseconds(1100)) == nil)
        let flooded = (0..<360_000).count { limit.take(at: start + .seconds(2) + .milliseconds(10) * $0) != nil }
        #expect((3590...3610).contains(flooded))
        #expect((0..<200).count { _ in limit.take(at: start + .seconds(9000)) != nil } == 100)
    }
}
