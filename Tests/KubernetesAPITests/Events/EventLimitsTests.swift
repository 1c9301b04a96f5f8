import Testing

@testable import KubernetesAPI

@Suite("How many events are written at most") struct EventLimitsTests {
    /// `#expect` can look into a call only if that changes nothing.
    private final class Subject {
        private var limits = EventLimits()

        func admits(_ event: ClusterEvent, at now: Duration) -> Bool { limits.admits(event, at: now) }
        func wait(at now: Duration) -> Duration { limits.wait(at: now) }
        func write(at now: Duration) { limits.write(at: now) }
    }

    private func event(_ note: String) -> ClusterEvent {
        ClusterEvent(.warning, .node("node1"), reason: "Test", action: "Test", note: note)
    }

    @Test("The same is said once in ten minutes, and something else at once")
    func repeats() {
        let limits = Subject()
        #expect(limits.admits(event("a"), at: .seconds(1)))
        #expect(!limits.admits(event("a"), at: .seconds(600)))
        #expect(limits.admits(event("b"), at: .seconds(600)))
        #expect(limits.admits(event("a"), at: .seconds(601)))
        #expect(!limits.admits(event("a"), at: .seconds(1200)), "since it was said last")
    }

    @Test("What is remembered is bounded: the oldest is forgotten first, and what is over before that")
    func memory() {
        let limits = Subject()
        for number in 0..<EventLimits.mostRemembered {
            #expect(limits.admits(event("\(number)"), at: .milliseconds(number)))
        }
        #expect(limits.admits(event("new"), at: .seconds(1)))
        #expect(!limits.admits(event("1"), at: .seconds(1)))
        #expect(limits.admits(event("0"), at: .seconds(1)))
    }

    @Test("A burst is written at once, then one in a while, and after a rest a burst again")
    func pace() {
        let limits = Subject()
        for _ in 0..<EventLimits.burst {
            #expect(limits.wait(at: .seconds(5)) == .zero)
            limits.write(at: .seconds(5))
        }
        #expect(limits.wait(at: .seconds(5)) == EventLimits.period)
        let later = Duration.seconds(5) + EventLimits.period
        #expect(limits.wait(at: later) == .zero)
        limits.write(at: later)
        #expect(limits.wait(at: later) == EventLimits.period)
        let rested = later + EventLimits.period * EventLimits.burst
        for _ in 0..<EventLimits.burst {
            #expect(limits.wait(at: rested) == .zero)
            limits.write(at: rested)
        }
        #expect(limits.wait(at: rested) > .zero)
    }
}
