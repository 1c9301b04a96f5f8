import Glibc
import TestSupport
import Testing

/// `portico dev -- COMMAND` as the first process of a container, whose children all become that have lost their parent.
@Suite("The first process of a container", .requires(.root, .processNamespaces), .timeLimit(.minutes(2)))
struct FirstProcessTests {
    private static let launcher = ["unshare", "--pid", "--fork", "--mount-proc", "--kill-child=KILL"]

    private func session(_ script: String) throws -> DevProcess {
        try DevProcess(
            ["--service", "web:80=127.0.0.1:9", "--", "sh", "-c", script], launcher: Self.launcher)
    }

    @Test("What a program leaves behind is waited for, and its own end is told")
    func orphans() async throws {
        let result = try await session(
            """
            for number in 1 2 3 4 5 6 7 8 9; do (true &); done
            tries=0
            while grep -sq '^State:.Z' /proc/[0-9]*/status; do
              tries=$((tries + 1)); [ $tries -lt 200 ] || { echo some are left; break; }
              sleep 0.05
            done
            echo done; exit 7
            """
        ).finished()
        #expect(result.output == "done\n")
        #expect(result.status == 7, "\(result.errors)")
    }

    @Test("A program that a signal ends is told as that")
    func killed() async throws {
        #expect(try await session("kill -KILL $$").finished().status == 128 + SIGKILL)
        let missing = try await DevProcess(
            ["--service", "web:80=127.0.0.1:9", "--", "no-such-program"], launcher: Self.launcher
        ).finished()
        #expect(missing.status == 127)
    }

    @Test("Signals reach the program once", arguments: [SIGTERM, SIGINT, SIGHUP])
    func signals(number: Int32) async throws {
        // In a session of its own, so that a terminal of whoever runs the tests does not count.
        let script = "trap 'echo got; exit 5' TERM INT; trap 'echo hung up' HUP; echo up; while :; do sleep 0.02; done"
        let session = try DevProcess(
            ["--service", "web:80=127.0.0.1:9", "--", "sh", "-c", script], launcher: ["setsid"] + Self.launcher)
        try await session.waitFor("up\n")
        let first = try firstChild(of: session.child)
        #expect(kill(first, number) == 0)
        if number == SIGHUP {
            // Portico's own affair, as without a container.
            try await session.waitForErrors("reading everything again")
            #expect(kill(first, SIGTERM) == 0)
        }
        let result = try await session.finished()
        #expect(result.status == 5)
        #expect(result.output == "up\ngot\n")
    }
}
