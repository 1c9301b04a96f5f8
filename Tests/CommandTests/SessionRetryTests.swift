import Cluster
import Glibc
import Logging
import Relay
import Status
import TestSupport
import Testing

@testable import portico

/// In processes of their own, since a session hears signals, which are the whole process's.
@Suite("What a session tries again") struct SessionRetryTests {
    private struct Report: SessionReport {
        func listening(_ status: Status) {}
        func missed(_ changes: Int, _ board: StatusBoard) {}
        func changed(_ change: StatusChange, _ board: StatusBoard) {}
        func summary(_ snapshot: RelaySnapshot) {}
    }

    private struct Role: SessionRole {
        enum Event: Sendable {}
        let begun = Cue()
        let goesOn = Cue()
        let retries = Locked(0)
        let ended = Cue()

        var rereading: String { "" }
        var retryInterval: Duration { .milliseconds(1) }
        static var signals: [Int32] { [SIGTERM] }
        static func meaning(of signal: Int32) -> SessionSignal { .end(signal) }
        func status(endedEarlyBy signal: Int32) -> Int32 { 1 }
        func start(_ first: SourceUpdate, _ tools: SessionTools<Event>) -> Bool { false }
        func take(_ update: SourceUpdate) {}
        func take(_ event: Event) -> Bool {}

        func retry(isReread: Bool) async {
            retries.withLock { $0 += 1 }
            begun.give()
            try? await goesOn.wait()
        }

        func endIsWanted(by signal: Int32) -> Bool {
            ended.give()
            return true
        }

        func beginEnd() -> [Duration?] { [.zero] }
        func finish() {}
        var exitStatus: Int32? { nil }
    }

    @Test("However long one try takes, an end waits for that and not for those that were due meanwhile")
    func oneWaits() async {
        await #expect(processExitsWith: .success) {
            let role = Role()
            let session = Session<Role>(
                source: nil, teller: StatusTeller(logger: Logger(label: "test")), report: Report(),
                configuration: .ofThisMachine(udpTimeout: nil))
            async let run: Void = session.run(role)
            try await role.begun.wait()
            // Many intervals of the session, counted here as the session counts them.
            for _ in 0..<200 { try await Task.sleep(for: role.retryInterval) }
            kill(getpid(), SIGTERM)
            usleep(100_000)
            role.goesOn.give()
            try await run
            #expect(role.ended.isGiven)
            #expect(role.retries.withLock { $0 } <= 2)
        }
    }
}
