import TestSupport
import Testing

@testable import KubernetesAPI

@Suite("Patience with a server", .timeLimit(.minutes(1)))
struct WatchdogTests {
    private let clock = ManualClock()

    /// Waits for nothing, until it is cancelled.
    @Sendable private static func wait() async throws {
        let (stream, _) = AsyncStream.makeStream(of: Void.self)
        for await _ in stream {}
        try Task.checkCancellation()
    }

    @Test("However many pieces come, one task sleeps")
    func pieces() async throws {
        let watchdog = Watchdog(.seconds(30), clock)
        for number in 0..<1000 { #expect(try await watchdog.watch { number } == number) }
        #expect(await eventually { clock.sleepers == 1 })
        #expect(clock.sleeps == 1)
        _ = consume watchdog
        #expect(await eventually { clock.sleepers == 0 })
    }

    @Test("Silence is measured from the last piece, and not while nobody waits")
    func silence() async throws {
        let watchdog = Watchdog(.seconds(30), clock)
        try await watchdog.watch {}
        #expect(await eventually { clock.sleepers == 1 })
        clock.advance(by: .seconds(1000))
        #expect(await eventually { clock.sleeps == 2 && clock.sleepers == 1 })
        clock.advance(by: .seconds(20))
        let hasBegun = Locked(false)
        let waiting = Task {
            try await watchdog.watch {
                hasBegun.withLock { $0 = true }
                try await Self.wait()
            }
        }
        #expect(await eventually { hasBegun.withLock { $0 } })
        clock.advance(by: .seconds(29))
        #expect(await eventually { clock.sleeps == 3 && clock.sleepers == 1 })
        clock.advance(by: .seconds(1))
        await #expect(throws: Silence.self) { try await waiting.value }
        // What has been given up stays so.
        await #expect(throws: Silence.self) { try await watchdog.watch { try await Self.wait() } }
    }

    @Test("A task that is cancelled waits no longer, and that is not silence")
    func cancelled() async throws {
        let watchdog = Watchdog(.seconds(30), clock)
        let waiting = Task { try await watchdog.watch { try await Self.wait() } }
        #expect(await eventually { clock.sleepers == 1 })
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
    }
}
