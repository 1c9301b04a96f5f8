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

    @Test("SIGQUIT ends it at once, without a word of where its threads are")
    func quit() async throws {
        let session = try DevProcess(
            ["--service", "web:80=127.0.0.1:9"], launcher: ["sh", "-c", #"ulimit -c 0; exec "$@""#, "sh"])
        try await session.waitFor("Ready.")
        session.child.signal(SIGQUIT)
        let result = try await session.finished()
        #expect(result.status == 128 + SIGQUIT)
        #expect(!result.errors.contains("crashed") && !result.errors.contains("Thread"), "\(result.errors)")
    }

    @Test("However many SIGHUP come at once, they are one or a few, and an end is not behind all of them")
    func manyHangups() async throws {
        let folder = try TemporaryDirectory()
        for number in 0..<200 {
            try folder.write(
                "apiVersion: v1\nkind: Service\nmetadata: {name: s\(number)}\nspec: {ports: [{port: 80}]}\n",
                to: "\(number).yaml")
        }
        let session = try DevProcess(["-f", folder.path])
        try await session.waitFor(" served.")
        for _ in 0..<1000 { session.child.signal(SIGHUP) }
        let result = try await session.end()
        #expect(result.status == 0)
        let lines = result.errors.split(separator: "\n").count { $0.contains("reading everything again") }
        #expect(lines > 0 && lines < 200, "\(lines)")
    }

    @Test("A session that waits for a pipe to be written to ends at a signal")
    func waitsForAPipe() async throws {
        let folder = try TemporaryDirectory()
        try #require(mkfifo(folder.file("pipe"), 0o600) == 0)
        let session = try DevProcess(["-f", folder.file("pipe")])
        let writer = try await writer(of: folder.file("pipe"))
        defer { close(writer) }
        session.child.signal(SIGTERM)
        let status = try await session.finished().status
        #expect(status == 128 + SIGTERM)
    }

    @Test("A session that waits for an API server that never answers ends at a signal, a daemon with status 0")
    func waitsForACluster() async throws {
        let (folder, asked) = (try TemporaryDirectory(), Cue())
        let server = try ScriptedServer(script: [.give(asked), .receiveAll])
        let master = "http://127.0.0.1:\(server.port)"
        let daemon = try ChildProcess(
            try DevProcess.program(),
            [
                "daemon", "--master", master, "--hostname-override", "node1", "--redirect", "none",
                "--healthz-bind-address=", "--kernel-root", folder.path,
            ])
        daemon.closeInput()
        defer { daemon.signal(SIGKILL) }
        try await asked.wait()
        daemon.signal(SIGHUP)
        daemon.signal(SIGTERM)
        #expect(try await daemon.finished().status == 0)
        #expect(daemon.errors.contains("before anything was served"))

        let dev = try DevProcess(["--master", master])
        #expect(await eventually(within: .seconds(30)) { server.accepted > 1 })
        #expect(try await dev.end().status == 128 + SIGINT)
    }

    @Test(
        "The first process of a container, which no signal ends that it does not hear, ends at one",
        .requires(.root, .processNamespaces))
    func firstProcess() async throws {
        let folder = try TemporaryDirectory()
        try #require(mkfifo(folder.file("pipe"), 0o600) == 0)
        let session = try DevProcess(
            ["-f", folder.file("pipe")], launcher: ["unshare", "--pid", "--fork", "--kill-child=KILL"])
        let writer = try await writer(of: folder.file("pipe"))
        defer { close(writer) }
        let first = try firstChild(of: session.child)
        #expect(kill(first, SIGTERM) == 0)
        #expect(try await session.finished().status == 128 + SIGTERM)
    }

    @Test(
        "The first process of a container ends at a signal also while it reads its configuration, a daemon with status 0",
        .requires(.root, .processNamespaces), arguments: [("daemon", 0), ("dev", 128 + SIGTERM)])
    func firstMoments(command: String, status: Int32) async throws {
        let folder = try TemporaryDirectory()
        try #require(mkfifo(folder.file("pipe"), 0o600) == 0)
        let session = try ChildProcess(
            "/usr/bin/env",
            ["unshare", "--pid", "--fork", "--kill-child=KILL", try DevProcess.program(), command]
                + ["--kubeconfig", folder.file("pipe")] + (command == "daemon" ? ["--redirect", "none"] : []))
        session.closeInput()
        defer { session.signal(SIGKILL) }
        let writer = try await writer(of: folder.file("pipe"))
        defer { close(writer) }
        #expect(kill(try firstChild(of: session), SIGTERM) == 0)
        let result = try await session.finished()
        #expect(result.status == status)
        #expect(session.output.isEmpty && session.errors.isEmpty, "nobody waits for words here")
    }

    /// It is in the call that opens a pipe once a writer that does not wait finds a reader.
    private func writer(of pipe: String) async throws -> Int32 {
        var writer: Int32 = -1
        _ = await eventually(within: .seconds(30)) {
            writer = open(pipe, O_WRONLY | O_NONBLOCK | O_CLOEXEC)
            return writer >= 0
        }
        try #require(writer >= 0)
        return writer
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
