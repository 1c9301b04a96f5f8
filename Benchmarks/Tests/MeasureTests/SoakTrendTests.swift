import Testing

@testable import Measure

@Suite struct SoakTrendTests {
    private func trend(minutes: Double = 30, _ value: (Int) -> Double) -> SoakTrend? {
        SoakTrend("memory", (0..<180).map { (Double($0) / 180, value($0)) }, minutes: minutes)
    }

    @Test func whatStaysIsSteady() throws {
        let trend = try #require(trend { 1000 + Double($0 % 7) })
        #expect(trend.verdict == .steady && abs(trend.growth) < 0.005)
    }

    @Test func whatGrowsSlowlyIsNoticed() throws {
        // 1000 descriptors, and one more with every sample.
        let trend = try #require(trend { 1000 + Double($0) })
        #expect(trend.verdict == .grew && trend.growth > 0.08)
    }

    @Test func aShorterRunIsAllowedMore() throws {
        #expect(SoakTrend.limit(minutes: 30) == 0.02 && SoakTrend.limit(minutes: 60) == 0.02)
        #expect(try #require(trend(minutes: 3) { 1000 + Double($0) / 2 }).verdict == .steady)
    }

    @Test func theBeginningDoesNotCount() throws {
        #expect(try #require(trend { $0 < 30 ? 10 : 1000 }).verdict == .steady)
    }

    @Test func whatScattersIsNotCalledGrowth() throws {
        let trend = try #require(trend { [500, 1000, 1200, 1500, 2000][$0 % 5] + ($0 > 120 ? 40 : 0) })
        #expect(trend.verdict == .unclear && trend.noise > 0.05)
    }

    @Test func aFewSamplesSayNothing() {
        #expect(SoakTrend("memory", [(0.3, 1), (0.9, 1)], minutes: 1) == nil)
    }
}
