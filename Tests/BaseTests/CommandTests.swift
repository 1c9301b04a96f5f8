import Base
import TestSupport
import Testing

@Suite("Running a program")
struct CommandTests {
    private func command(_ script: String) throws -> Command {
        Command(path: try #require(findProgram("sh")), arguments: ["-c", script])
    }

    @Test("Input, both outputs, and the status")
    func streams() throws {
        let result = try command("cat; echo problem >&2; exit 3").run(input: "text")
        #expect(result.output == "text")
        #expect(result.errors == "problem\n")
        #expect(result.status == 3)
        #expect(result.message == "problem")
        #expect(try command("kill -9 $$").run().status == 128 + 9)
    }

    @Test("A program that echoes more than any buffer holds does not stall")
    func volume() throws {
        let text = String(repeating: "0123456789abcde\n", count: 200_000)
        let result = try command("tee /dev/stderr").run(input: text)
        #expect(result.output == text)
    }

    @Test("One that takes too long is ended, one that does not exist is named")
    func failures() throws {
        #expect(throws: Command.Failure.timedOut(program: "sh", seconds: 1)) {
            try command("exec sleep 60").run(seconds: 1)
        }
        let error = #expect(throws: Command.Failure.self) {
            try Command(path: "/nowhere/iptables", arguments: []).run()
        }
        #expect(error?.description == "cannot run iptables: No such file or directory")
    }
}
