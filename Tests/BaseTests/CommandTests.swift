import Base
internal import Glibc
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

    @Test("One that closes its outputs and lives on has no more time than others, and can be stopped")
    func silentLife() throws {
        let command = try command("exec >&- 2>&-; exec sleep 60")
        #expect(throws: Command.Failure.timedOut(program: "sh", seconds: 1)) { try command.run(seconds: 1) }
        let stop = Command.Stop()
        #expect(throws: Command.Failure.stopped(program: "sh")) {
            try command.run(stop: stop) { _ in try? spawnThread { stop.now() } }
        }
        let short = try self.command("exec >&- 2>&-; sleep 0.1; exit 3")
        #expect(try short.run().status == 3)
    }

    @Test("One that writes more than it may is ended, on either output", arguments: ["", " >&2"])
    func limit(output: String) throws {
        var command = try command("while :; do echo 0123456789\(output); done")
        command.outputLimit = 1000
        #expect(throws: Command.Failure.tooLarge(program: "sh", limit: 1000)) { try command.run() }
        command = try self.command("printf 0123456789\(output)")
        command.outputLimit = 10
        #expect(try command.run().message == "0123456789")
    }

    @Test("It has the environment that it is given, and nothing else")
    func environment() throws {
        var command = try command("echo \"$A|$HOME\"")
        command.environment = ["A=b c"]
        #expect(try command.run().output == "b c|\n")
    }

    @Test("Errors that it shares are not in the result, and input that it shares is not ours to write")
    func shared() throws {
        var command = try command("echo out; echo 'shared with the test' >&2")
        command.sharesErrors = true
        command.sharesInput = true
        let result = try command.run(input: "for nobody")
        #expect(result.output == "out\n")
        #expect(result.errors == "")
    }

    @Test("One that is stopped ends at once, also if that comes before it has begun")
    func stopped() throws {
        let command = try command("exec sleep 60")
        let stop = Command.Stop()
        #expect(throws: Command.Failure.stopped(program: "sh")) {
            try command.run(stop: stop) { _ in try? spawnThread { stop.now() } }
        }
        #expect(throws: Command.Failure.stopped(program: "sh")) { try command.run(stop: stop) }
    }

    @Test("A program is found in the first folder that has one which may be run")
    func find() throws {
        let folder = try TemporaryDirectory()
        try folder.write("", to: "a/tool")
        try folder.write("", to: "b/tool/file")
        try folder.write("", to: "c/tool")
        #expect(chmod(folder.file("c/tool"), 0o755) == 0)
        let folders = ["nowhere", "a", "b", "c"].map(folder.file)
        #expect(Command.find("tool", in: folders) == folder.file("c/tool"))
        #expect(Command.find("tool", in: Array(folders.dropLast())) == nil)
    }

    @Test("The environment of this process is what it was started with")
    func ownEnvironment() throws {
        let path = try #require(ProcessEnvironment.variables["PATH"])
        #expect(try command("echo \"$PATH\"").run().output == path + "\n")
    }
}
