import Glibc
import TestSupport
import Testing

/// `portico dev -- COMMAND`, run as a user runs it.
@Suite(.timeLimit(.minutes(2))) struct CommandProgramTests {
    private static let service = ["--service", "my-web:8080=127.0.0.1:9"]

    private func run(_ arguments: [String], _ command: String...) async throws -> ProgramResult {
        try await DevProcess(arguments + ["--"] + command).finished()
    }

    private func shell(_ script: String) async throws -> ProgramResult {
        try await run(Self.service, "sh", "-c", script)
    }

    @Test(.requires(.tool("bash"))) func theCommandReachesServicesByItsVariables() async throws {
        let server = try ScriptedServer.identity("pod a")
        let result = try await run(
            ["--service", "my-web:8080=127.0.0.1:\(server.port)"], "bash", "-c",
            "cat < /dev/tcp/$MY_WEB_SERVICE_HOST/$MY_WEB_SERVICE_PORT")
        #expect(result.status == 0)
        #expect(result.output == "pod a", "standard output is the command's alone")
        #expect(result.errors.contains("Running bash.") && result.errors.contains("CONNECTIONS"))
    }

    @Test func variablesAreThoseOfThePodsNamespace() async throws {
        let result = try await run(
            ["--service", "web:8080=127.0.0.1:9", "--service", "shop/cart:8081=127.0.0.1:9"], "env")
        // Another Portico on this machine may have the port.
        #expect(result.output.contains(/(^|\n)WEB_SERVICE_PORT=[0-9]+\n/))
        #expect(!result.output.contains("CART_"))
        #expect(result.output.contains("PATH="), "the rest of the environment is there too")
    }

    @Test(
        arguments: [
            ("exit 0", 0), ("exit 7", 7), ("exit 255", 255), ("kill -TERM $$", 143), ("kill -KILL $$", 137),
            ("ulimit -c 0; kill -ABRT $$", 134), ("kill -HUP $$", 129),
        ] as [(String, Int32)])
    func itsStatusIsPorticos(script: String, status: Int32) async throws {
        let result = try await shell("echo out; echo err >&2; \(script)")
        #expect(result.status == status)
        #expect(result.output == "out\n" && result.errors.contains("err\n"))
    }

    @Test func aProgramThatCannotBeRun() async throws {
        let missing = try await run(Self.service, "no-such-program")
        #expect(missing.status == 127)
        #expect(missing.errors.contains("portico: cannot run 'no-such-program': No such file or directory\n"))
        #expect(try await run(Self.service, "/").status == 126)
        #expect(try await run(Self.service, "").status == 127)
    }

    @Test("A file that is no program, or may not be run, is told with its reason and 126 as in a shell")
    func notAProgram() async throws {
        let folder = try TemporaryDirectory()
        let plain = try folder.write("#!/bin/sh\nexit 0\n", to: "plain")
        try #require(chmod(plain, 0o644) == 0)
        for (path, reason) in [(plain, "Permission denied"), ("\(plain)/x", "Not a directory")] {
            let result = try await run(Self.service, path)
            #expect(result.status == 126)
            #expect(result.errors.contains("portico: cannot run '\(path)': \(reason)\n"), "\(result.errors)")
        }
        let lost = try folder.write("#!/no/such/shell\n", to: "lost")
        try #require(chmod(lost, 0o755) == 0)
        #expect(try await run(Self.service, lost).status == 127)
    }

    @Test func standardInputIsTheCommands() async throws {
        let process = try DevProcess(Self.service + ["--", "cat"], input: true)
        try process.child.write("through\n")
        process.child.closeInput()
        #expect(try await process.finished().output == "through\n")
    }

    @Test("A program that goes on when it is told to end is named, with what ends it")
    func goesOn() async throws {
        let process = try DevProcess(
            Self.service + ["--", "sh", "-c", "trap '' TERM; echo begun; while :; do sleep 0.1; done"])
        try await process.waitFor("begun")
        process.child.signal(SIGTERM)
        // The second one comes when the first has been dealt with: signals of one kind that wait are one.
        var line: Regex<(Substring, Substring)>.Match?
        #expect(
            await eventually(within: .seconds(30)) {
                process.child.signal(SIGTERM)
                line = process.child.errors.firstMatch(of: /sh \(process ([0-9]+)\) has been told to end and goes on/)
                return line != nil
            }, "\(process.child.errors)")
        kill(try #require(line.flatMap { Int32($0.output.1) }), SIGKILL)
        #expect(try await process.finished().status == 128 + SIGKILL)
    }

    /// Portico's threads block signals, and it ignores SIGPIPE.
    @Test func theCommandTakesSignalsAsEverybodyDoes() async throws {
        let result = try await run(Self.service, "grep", "-E", "Sig(Blk|Ign)", "/proc/self/status")
        let masks = result.output.split(separator: "\n").compactMap { $0.split(separator: "\t").last }
            .compactMap { UInt64($0, radix: 16) }
        try #require(masks.count == 2)
        #expect(masks[0] == 0)
        #expect(masks[1] & (1 << (UInt64(SIGPIPE) - 1)) == 0)
    }

    /// In a session of its own, since in the foreground of a terminal Ctrl-C reaches the command without Portico.
    @Test(.requires(.tool("setsid")), arguments: [(SIGTERM, "TERM"), (SIGINT, "INT")])
    func signalsArePassedOn(number: Int32, name: String) async throws {
        let script =
            "trap 'echo got; count=1$count' \(name); echo up; until [ \"$count\" = 11 ]; do sleep 0.02; done; exit 5"
        let process = try DevProcess(Self.service + ["--", "sh", "-c", script], launcher: ["setsid"])
        try await process.waitFor("up")
        for times in 1...2 {
            process.child.signal(number)
            #expect(await eventually { process.child.output.split(separator: "got").count == times + 1 })
        }
        let result = try await process.finished()
        #expect(result.status == 5, "the command decides, the second time too")
        #expect(result.output == "up\ngot\ngot\n")
    }

    /// In the foreground of a terminal that `script` makes. `exec`, or the shell that `script` starts would be there
    /// too, and not every shell survives Ctrl-C.
    @Test(.requires(.tool("script"))) func ctrlCReachesTheCommandOnce() async throws {
        let command = "trap 'echo got' INT; echo up; until read line; do :; done; echo \\$line; exit 6"
        let line = try [DevProcess.program(), "dev"] + Self.service + ["--", "sh", "-c", "\"\(command)\""]
        let program = try #require(findProgram("script"))
        let script = try ChildProcess(program, ["-qec", "exec " + line.joined(separator: " "), "/dev/null"])
        #expect(await eventually(within: .seconds(30)) { script.output.contains("up\r\n") })
        try script.write("\u{3}")
        #expect(await eventually { script.output.contains("got") })
        try script.write("after\n")
        let result = try await script.finished()
        #expect(result.status == 6)
        #expect(result.output.split(separator: "got").count == 2)
        #expect(result.output.contains("after"), "Portico goes on as long as the command does")
    }

    @Test func openConnectionsMayEndAfterTheCommand() async throws {
        let server = try ScriptedServer.echo()
        let port = try freePort()
        let process = try DevProcess(
            [
                "--service", "db:80=127.0.0.1:\(server.port)", "--publish", "db:80=\(port)", "--drain-timeout", "10m",
                "--", "cat",
            ], input: true)
        try await process.waitForErrors("Ready.")
        let ended = Cue()
        let client = try ScriptedPeer.connect(
            to: port, script: [.send("x"), .expect("x"), .wait(ended), .send("y"), .expect("y")])
        #expect(await eventually { client.progress.received.count == 1 })
        process.child.closeInput()
        try await process.waitForErrors("waiting for 1 open connection")
        ended.give()
        _ = try await client.finished()
        #expect(try await process.finished().status == 0)
    }

    @Test("With too few descriptors to begin with, that is said")
    func fewDescriptors() async throws {
        let few = ["sh", "-c", "ulimit -n 44; exec \"$@\"", "sh"]
        let result = try await DevProcess(["--service", "web:80=127.0.0.1:1"], launcher: few).finished()
        #expect(result.status == 1)
        #expect(result.errors.contains("only 44 files may be open, and at least 64 are needed"), "\(result.errors)")
    }
}
