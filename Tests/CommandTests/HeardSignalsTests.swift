import Base
import Glibc
import TestSupport
import Testing

@testable import portico

/// In a process of its own each, since signals are the whole process's.
@Suite("Signals as a session hears them") struct HeardSignalsTests {
    private static func signals() throws -> HeardSignals {
        try HeardSignals([SIGUSR1, SIGUSR2, SIGTERM]) { $0 == SIGTERM ? .end($0) : .reload }
    }

    /// Whether it has been sent and nobody has it yet.
    private static func isPending(_ signal: Int32) -> Bool {
        var pending = sigset_t()
        return sigpending(&pending) == 0 && sigismember(&pending, signal) == 1
    }

    @Test("Those that ask for a reload are one until it is dealt with, and none holds up an end")
    func reloads() async {
        await #expect(processExitsWith: .success) {
            let (signals, heard) = (try Self.signals(), Locked<[SessionSignal]>([]))
            let hearing = Task { await signals.hear { signal in heard.withLock { $0.append(signal) } } }
            func heardAre(_ expected: [SessionSignal]) async -> Bool {
                await eventually { heard.withLock { $0 } == expected }
            }
            kill(getpid(), SIGUSR1)
            #expect(await heardAre([.reload]))
            for signal in [SIGUSR1, SIGUSR2, SIGTERM] {
                kill(getpid(), signal)
                // The kernel puts what waits in the order of its numbers.
                #expect(await eventually { !Self.isPending(signal) })
            }
            #expect(await heardAre([.reload, .end(SIGTERM)]))
            signals.deal(with: .reload)
            kill(getpid(), SIGUSR2)
            #expect(await heardAre([.reload, .end(SIGTERM), .reload]))
            signals.close()
            await hearing.value
        }
    }

    @Test("A signal to end leaves behind what takes long at the start, whatever that does, and whenever it comes")
    func early() async {
        await #expect(processExitsWith: .success) {
            let signals = try Self.signals()
            let hearing = Task { await signals.hear { _ in } }
            #expect(try await signals.unlessEnded { 3 } == 3)
            await #expect(throws: SystemError.self) {
                try await signals.unlessEnded { throw SystemError("fail", code: EIO) }
            }
            kill(getpid(), SIGUSR1)
            let (started, never) = (Cue(), Cue())
            async let work: Void = signals.unlessEnded {
                started.give()
                // Deaf to being cancelled, as a system call that hangs.
                await Task.detached { try? await never.wait() }.value
            }
            try await started.wait()
            kill(getpid(), SIGTERM)
            do {
                try await work
                Issue.record("it goes on")
            } catch let early as HeardSignals.EndedEarly {
                #expect(early.signal == SIGTERM)
            }
            // Nothing that begins after it has a chance.
            await #expect(throws: HeardSignals.EndedEarly.self) {
                try await signals.unlessEnded { try await Task.sleep(for: .seconds(600)) }
            }
            never.give()
            signals.close()
            await hearing.value
        }
    }
}
