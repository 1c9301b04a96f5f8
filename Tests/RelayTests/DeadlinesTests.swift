import Testing

@testable import Relay

@Suite struct DeadlinesTests {
    private func make() -> Deadlines {
        Deadlines(dials: [250, 500, 1000, 2000], halfOpen: 10_000, youth: 5000, delivery: 50)
    }

    @Test func nothingIsDueWhenNothingIsSet() {
        var deadlines = make()
        #expect(deadlines.earliest == nil)
        #expect(deadlines.popDue(at: .max) == nil)
    }

    @Test func theEarliestOfAllKindsComesFirst() {
        var deadlines = make()
        deadlines.set(0, .halfOpen, now: 0)
        deadlines.set(1, .dial(3), now: 0)
        deadlines.set(2, .dial(0), now: 100)
        #expect(deadlines.earliest == 350)
        #expect(deadlines.popDue(at: 349) == nil)
        #expect(deadlines.popDue(at: 350)?.index == 2)
        #expect(deadlines.earliest == 2000)
        #expect(deadlines.halfOpenCount == 1)
    }

    @Test func whoIsHalfOpenIsCountedFromTheStart() {
        var deadlines = make()
        deadlines.set(0, .young, now: 0)
        deadlines.set(0, .youngHalfOpen, now: 100)
        #expect(deadlines.halfOpenCount == 1 && deadlines.isHalfOpen(0))
        let due = deadlines.popDue(at: 5100)
        #expect(due?.kind == .youngHalfOpen && deadlines.halfOpenCount == 0)
        deadlines.set(0, .halfOpen, now: 5100)
        #expect(deadlines.halfOpenCount == 1 && deadlines.isHalfOpen(0))
    }

    @Test func attemptsBeyondTheLastHaveItsLimit() {
        var deadlines = make()
        #expect(deadlines.set(0, .dial(9), now: 0) == 2000)
        #expect(deadlines.popDue(at: 2000)?.kind == .dial(3))
    }

    @Test func settingReplaces() {
        var deadlines = make()
        deadlines.set(7, .dial(0), now: 0)
        deadlines.set(7, .dial(1), now: 250)
        #expect(deadlines.earliest == 750)
        deadlines.cancel(7)
        deadlines.cancel(7)
        #expect(!deadlines.isSet(7))
        #expect(deadlines.earliest == nil)
    }

    /// Against the obvious implementation, over random histories.
    @Test(arguments: 0..<20 as Range<UInt64>)
    func itAgreesWithAPlainList(seed: UInt64) {
        var random = SeededGenerator(seed: seed)
        var deadlines = make()
        var expected: [UInt32: UInt64] = [:]
        let kinds: [Deadlines.Kind] = [
            .dial(0), .dial(1), .dial(2), .dial(3), .halfOpen, .young, .youngHalfOpen, .delivery,
        ]
        let spans: [UInt64] = [250, 500, 1000, 2000, 10_000, 5000, 5000, 50]
        var now: UInt64 = 0
        for _ in 0..<2000 {
            now += UInt64.random(in: 0..<40, using: &random)
            let index = UInt32.random(in: 0..<50, using: &random)
            switch Int.random(in: 0..<4, using: &random) {
            case 0:
                deadlines.cancel(index)
                expected[index] = nil
            case 1:
                while let due = deadlines.popDue(at: now) {
                    #expect((expected.removeValue(forKey: due.index) ?? .max) <= now)
                }
                #expect(expected.values.allSatisfy { $0 > now })
            default:
                let kind = Int.random(in: 0..<kinds.count, using: &random)
                deadlines.set(index, kinds[kind], now: now)
                expected[index] = now + spans[kind]
            }
            #expect(deadlines.earliest == expected.values.min())
        }
    }
}

/// Random numbers that are the same in every run.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 1
    }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}
