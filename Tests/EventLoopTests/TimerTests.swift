import EventLoop
import TestSupport
import Testing

@Suite(.timeLimit(.minutes(2))) struct TimerTests {
    @Test func fireInTheOrderOfTheirDeadlines() throws {
        let loop = try EventLoop()
        var fired: [Int] = []
        let timers = [30, 10, 20].enumerated().map { index, delay in
            let timer = Timer(on: loop) {
                fired.append(index)
                if fired.count == 3 { loop.stop() }
            }
            timer.start(after: UInt64(delay))
            return timer
        }
        #expect(loop.runGuarded() == 0)
        #expect(fired == [1, 2, 0])
        withExtendedLifetime(timers) {}
    }

    @Test func startingAgainReplacesTheDeadline() throws {
        let loop = try EventLoop()
        var fired = 0
        let timer = Timer(on: loop) {
            fired += 1
            loop.stop()
        }
        timer.start(after: 3_600_000)
        timer.start(after: 1)
        #expect(loop.runGuarded() == 0)
        #expect(fired == 1)
        withExtendedLifetime(timer) {}
    }

    @Test func mayBeStartedAgainFromItsOwnCallback() throws {
        let loop = try EventLoop()
        var fired = 0
        var timer: Timer?
        timer = Timer(on: loop) {
            fired += 1
            if fired < 3 { timer?.start(after: 1) } else { loop.stop() }
        }
        timer?.start(after: 1)
        #expect(loop.runGuarded() == 0)
        #expect(fired == 3)
        timer = nil
    }

    @Test func stoppedTimerDoesNotFireEvenIfItIsDueInTheSameTurn() throws {
        let loop = try EventLoop()
        var fired: [String] = []
        let second = Timer(on: loop) { fired.append("second") }
        let first = Timer(on: loop) {
            fired.append("first")
            second.stop()
        }
        let last = Timer(on: loop) { loop.stop() }
        first.start(after: 5)
        second.start(after: 5)
        last.start(after: 20)
        #expect(loop.runGuarded() == 0)
        #expect(fired == ["first"])
        withExtendedLifetime((first, last)) {}
    }

    @Test func mayBeClosedInItsOwnCallback() throws {
        let loop = try EventLoop()
        var fired = 0
        var timer: Timer?
        timer = Timer(on: loop) {
            fired += 1
            timer?.close()
            timer?.start(after: 0)  // without effect from here on
            timer = nil
            loop.execute { loop.stop() }
        }
        timer?.start(after: 1)
        #expect(loop.runGuarded() == 0)
        #expect(fired == 1)
    }

    @Test func droppedTimerDoesNotFire() throws {
        let loop = try EventLoop()
        do {
            let timer = Timer(on: loop) { Issue.record("a timer that nobody holds fired") }
            timer.start(after: 0)
        }
        #expect(loop.runTurns(3) == 0)
    }

    @Test func isNotEarlyWhenTheLoopHasNotLookedAtTheClockForAWhile() throws {
        let loop = try EventLoop()
        let before = loop.now
        // A long computation between two looks of the loop at its clock.
        let start = ContinuousClock.now
        while ContinuousClock.now - start < .milliseconds(60) {}
        let clockAtStart = ContinuousClock.now
        var firedAt: UInt64?
        let timer = Timer(on: loop) {
            firedAt = loop.now
            loop.stop()
        }
        timer.start(after: 40)
        #expect(loop.runGuarded() == 0)
        // libuv counts whole milliseconds of a clock that may be the coarse one: hence the two of tolerance.
        #expect(ContinuousClock.now - clockAtStart >= .milliseconds(38))
        #expect(try #require(firedAt) - before >= 98)
        withExtendedLifetime(timer) {}
    }

    @Test func isNotHeldUpByDescriptorsThatAreAlwaysReady() throws {
        let loop = try EventLoop()
        let timer = Timer(on: loop) { loop.stop() }
        timer.start(after: 10)
        loop.again(1)
        #expect(loop.runGuarded { token, _ in loop.again(token) } == 0)
        withExtendedLifetime(timer) {}
    }

    @Test func letsGoOfItsClosureWhenClosed() throws {
        let loop = try EventLoop()
        weak var gone: Owner?
        do {
            let owner = Owner()
            owner.timer = Timer(on: loop) { owner.count += 1 }
            owner.timer?.close()
            gone = owner
        }
        #expect(loop.runTurns(2) == 0)
        #expect(gone == nil)
    }

    @Test func letsGoOfItsClosureWhenTheLoopEnds() throws {
        weak var gone: Owner?
        do {
            let loop = try EventLoop()
            let owner = Owner()
            owner.timer = Timer(on: loop) { owner.count += 1 }
            owner.timer?.start(after: 3_600_000)
            gone = owner
            loop.stop()
            #expect(loop.runGuarded() == 0)
        }
        #expect(gone == nil)
    }

    /// Holds a timer whose closure holds it in turn.
    private final class Owner {
        var timer: Timer?
        var count = 0
    }
}
