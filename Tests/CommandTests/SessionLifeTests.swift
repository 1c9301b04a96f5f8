import Testing

@testable import portico

@Suite struct SessionLifeTests {
    @Test func aSecondSignalEndsAtOnceWhereThereIsOneLimit() {
        var life = SessionLife.serving
        #expect(life.hurry(2) == nil && life == .serving, "there is no drain to hurry")
        #expect(life.end(within: [.seconds(25)]) == .drain(within: .seconds(25)))
        #expect(life == .draining(limits: []))
        #expect(life.hurry(15) == .endNow)
        #expect(life == .ended(signal: 15))
        #expect(life.hurry(15) == nil)
        life.drained()
        #expect(life == .ended(signal: 15), "who has cut it short is not forgotten")
    }

    @Test func eachSignalBringsTheNextLimit() {
        var life = SessionLife.serving
        #expect(life.end(within: [nil, .seconds(3)]) == .drain(within: nil))
        #expect(life.hurry(15) == .drain(within: .seconds(3)))
        #expect(life == .draining(limits: []))
        life.drained()
        #expect(life == .ended(signal: nil))
    }

    @Test func whoStaysEndsAtASignal() {
        var life = SessionLife.serving
        _ = life.end(within: [nil, .seconds(3)])
        life.drained(stays: true)
        #expect(life == .staying)
        #expect(life.hurry(15) == nil, "there is nothing left to hurry")
        #expect(life == .ended(signal: nil))
    }

    @Test func whoStaysEndsWhenNobodyServesAnyMore() {
        var life = SessionLife.serving
        life.isAlone()
        #expect(life == .serving, "it has not stayed")
        _ = life.end(within: [nil, .seconds(3)])
        life.drained(stays: true)
        life.isAlone()
        #expect(life == .ended(signal: nil))
    }

    @Test func whoWasToldToEndInTheDrainDoesNotStay() {
        var life = SessionLife.serving
        _ = life.end(within: [nil, .seconds(3)])
        _ = life.hurry(15)
        life.drained(stays: true)
        #expect(life == .ended(signal: nil))
    }

    @Test func whoServesHasNothingToDrain() {
        var life = SessionLife.serving
        life.drained()
        #expect(life == .serving)
        #expect(life.end(within: []) == .drain(within: .zero))
    }
}
