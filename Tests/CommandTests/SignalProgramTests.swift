import Glibc
import TestSupport
import Testing

/// Signals that people and init scripts send, and what they must not do.
@Suite(.timeLimit(.minutes(2))) struct SignalProgramTests {
    @Test("No signal but those that ask for an end ends a session", arguments: [SIGHUP, SIGUSR1, SIGUSR2, SIGALRM])
    func harmless(signal: Int32) async throws {
        let server = try ScriptedServer.identity("a")
        let port = try freePort()
        let session = try DevProcess(["--service", "web:80=127.0.0.1:\(server.port)", "--publish", "web:80=\(port)"])
        try await session.waitFor("Ready.")
        session.child.signal(signal)
        // Its connection comes after the signal.
        let text = try await ScriptedPeer.connect(to: port, script: [.receiveAll]).finished().received.text
        #expect(text == "a")
        let result = try await session.end()
        #expect(result.status == 0)
        #expect(result.errors.contains("reading everything again") == (signal == SIGHUP))
    }

    @Test("A program that a session runs has the signals as it would have them without")
    func inherited() async throws {
        let session = try DevProcess([
            "--service", "web:80=127.0.0.1:1", "--", "sh", "-c", "kill -USR1 $$; echo still here",
        ])
        let result = try await session.finished()
        #expect(result.status == 128 + SIGUSR1)
        #expect(!result.output.contains("still here"))
    }
}
