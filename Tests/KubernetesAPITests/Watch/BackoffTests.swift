import TestSupport
import Testing

@testable import KubernetesAPI

@Suite("Waiting between requests")
struct BackoffTests {
    private var random: any RandomNumberGenerator = SeededRandom(7)

    @Test("It doubles up to half a minute, and is never the same for all")
    mutating func doubles() {
        var backoff = Backoff()
        for bound in [1.6, 3.2, 6.4, 12.8, 25.6, 30, 30, 30] {
            let wait = backoff.failed(after: .zero, &random)
            #expect((Duration.seconds(bound / 2)...Duration.seconds(bound)).contains(wait))
        }
        let waits = (0..<20).map { _ in backoff.failed(after: .zero, &random) }
        #expect(Set(waits).count == 20)
    }

    @Test("What lasts longer than the wait that would follow goes on at once, and what went before is forgotten")
    mutating func lasting() {
        var backoff = Backoff()
        #expect(backoff.ended(after: .milliseconds(900), &random) == .zero)
        #expect(backoff.ended(after: .milliseconds(500), &random) >= .milliseconds(800))
        #expect(backoff.ended(after: .milliseconds(1500), &random) >= .milliseconds(1600))
        #expect(backoff.ended(after: .milliseconds(3300), &random) == .zero)
        #expect(backoff.failed(after: .zero, &random) <= .milliseconds(1600))
    }

    @Test("Ten seconds are enough, however long others were waited for before")
    mutating func enough() {
        var backoff = Backoff()
        for _ in 0..<9 { _ = backoff.failed(after: .zero, &random) }
        #expect(backoff.ended(after: .seconds(9), &random) >= .seconds(15))
        #expect(backoff.ended(after: .seconds(11), &random) == .zero)
        for _ in 0..<9 { _ = backoff.failed(after: .zero, &random) }
        // What failed after all is tried again soon, but not by all nodes at once.
        let wait = backoff.failed(after: .seconds(200), &random)
        #expect((Duration.milliseconds(800)...Duration.milliseconds(1600)).contains(wait))
    }
}
