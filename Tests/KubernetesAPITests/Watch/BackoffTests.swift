import TestSupport
import Testing

@testable import KubernetesAPI

@Suite("Waiting between attempts")
struct BackoffTests {
    private var random: any RandomNumberGenerator = SeededRandom(7)

    @Test("It doubles up to half a minute, and is never the same for all")
    mutating func doubles() {
        var backoff = Backoff()
        for bound in [1.6, 3.2, 6.4, 12.8, 25.6, 30, 30, 30] {
            let wait = backoff.failed(at: .zero, &random)
            #expect((Duration.seconds(bound / 2)...Duration.seconds(bound)).contains(wait))
        }
        let waits = (0..<20).map { _ in backoff.failed(at: .zero, &random) }
        #expect(Set(waits).count == 20)
    }

    @Test("Two minutes that went well are a new beginning, and one is not")
    mutating func forgets() {
        var backoff = Backoff()
        for _ in 0..<9 { _ = backoff.failed(at: .zero, &random) }
        backoff.succeeded(at: .seconds(10))
        backoff.succeeded(at: .seconds(100))
        #expect(backoff.failed(at: .seconds(129), &random) >= .seconds(15))
        backoff.succeeded(at: .seconds(200))
        #expect(backoff.failed(at: .seconds(320), &random) <= .milliseconds(1600))
    }
}
