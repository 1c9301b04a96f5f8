import Glibc
import TestSupport
import Testing

/// SIGHUP, which means one thing from people and another from the kernel.
@Suite("A terminal that hangs up", .timeLimit(.minutes(2))) struct HangupProgramTests {
    @Test("SIGHUP is left alone where a parent has it ignored, as nohup does", .requires(.tool("nohup")))
    func ignored() async throws {
        let session = try DevProcess(["--service", "web:80=127.0.0.1:1"], launcher: ["nohup"])
        try await session.waitFor("Ready.")
        session.child.signal(SIGHUP)
        let result = try await session.end()
        #expect(result.status == 0)
        #expect(!result.errors.contains("reading everything again"), "\(result.errors)")
    }

    @Test("A session whose terminal is gone ends, and does not keep its ports for ever", .requires(.tool("script")))
    func lostTerminal() async throws {
        let port = try freePort()
        let line = try [DevProcess.program(), "dev", "--service", "web:80=127.0.0.1:1", "--publish", "web:80=\(port)"]
        let program = try #require(findProgram("script"))
        let terminal = try ChildProcess(
            program, ["-qec", "exec " + line.joined(separator: " "), "/dev/null"], environment: ["TERM": "xterm"])
        #expect(await eventually(within: .seconds(30)) { terminal.output.contains("1 port served") })
        terminal.signal(SIGKILL)
        // Its port is free once it has ended, whoever reaps it.
        #expect(await eventually(within: .seconds(30)) { (try? ScriptedServer(port: port, script: [])) != nil })
    }
}
