import Glibc
import TestSupport
import Testing

/// `portico dev` on a terminal, as a person sees it.
@Suite("portico dev on a terminal", .timeLimit(.minutes(2))) struct LiveProgramTests {
    private func dev(
        _ arguments: [String], columns: Int = 80, rows: Int = 24, environment: [String: String] = [:]
    ) throws -> TerminalProcess {
        try TerminalProcess(
            DevProcess.program(), ["dev"] + arguments, columns: columns, rows: rows, environment: environment)
    }

    @Test("It shows what is served and what happens to it, and leaves a clean line")
    func shows() async throws {
        let server = try ScriptedServer.echo()
        let port = try freePort()
        let live = try dev([
            "--service", "db:5432=127.0.0.1:\(server.port)", "--service", "old:80=127.0.0.1:9", "--publish",
            "db:5432=\(port)", "--drain-timeout", "100ms",
        ])
        try await live.waitFor("2 ports served")
        #expect(!live.isCursorShown && !live.echoes)
        #expect(live.screen.contains { $0.hasPrefix("ok") && $0.contains("db") && $0.contains("127.") })

        let client = try ScriptedPeer.connect(to: port, script: [.send("x"), .expect("x"), .receiveReset])
        try await live.waitFor("1 connection now, 1 in all")
        live.type("what is typed leaves no trace\n")
        live.type("\u{3}")
        #expect(try await live.finished() == 0)
        _ = try await client.finished()
        #expect(live.isCursorShown && live.echoes)
        let text = live.text
        let frame = try #require(text.lastIndex { $0.contains("portico dev  ") })
        let summary = try #require(text.lastIndex { $0.contains("CONNECTIONS") })
        #expect(frame < summary, "the last frame stays, and what came of it all follows")
        #expect(!text.joined().contains("what is typed") && live.unknown.isEmpty, "\(live.unknown)")
    }

    @Test("A failing endpoint is told in its row and by one line above")
    func failure() async throws {
        let dead = try RefusingPort()
        let port = try freePort()
        let live = try dev(
            ["--service", "old:80=127.0.0.1:\(dead.port)", "--publish", "old:80=127.0.0.1:\(port)"], columns: 160)
        try await live.waitFor("1 port served")
        for _ in 0..<5 { _ = try? await ScriptedPeer.connect(to: port, script: [.receiveReset]).finished() }
        try await live.waitFor("failing")
        try await live.waitFor(" failures")
        let lines = live.text
        #expect(lines.count { $0.contains("passed over, if others are there, until it answers") } == 1)
        let log = try #require(lines.firstIndex { $0.contains("passed over") })
        let frame = try #require(lines.firstIndex { $0.hasPrefix("portico dev  ") })
        #expect(log < frame)
        #expect(lines.count { $0.hasPrefix("portico dev  ") } == 1, "nothing is torn: \(lines)")
    }

    @Test("It follows the width and the height of the terminal")
    func size() async throws {
        let services = (0..<40).flatMap { ["--service", "service-number-\($0):80=127.0.0.1:9"] }
        let live = try dev(services)
        try await live.waitFor("40 ports served")
        try await live.waitFor("… and ")
        #expect(live.screen.allSatisfy { $0.count <= 80 })
        live.resize(columns: 40, rows: 12)
        #expect(
            await eventually(within: .seconds(20)) {
                // What stood there before is cut off by the terminal.
                live.screen.allSatisfy { $0.count <= 40 } && live.screen.last?.hasPrefix("Ctrl-C") == true
                    && live.screen.count { $0.hasPrefix("portico dev") } == 1
            }, "\(live.screen)")
        live.resize(columns: 200, rows: 60)
        #expect(await eventually(within: .seconds(20)) { live.view.count { $0.contains("service-number-") } == 40 })
        #expect(!live.view.contains { $0.contains("… and ") })
        live.type("\u{3}")
        #expect(try await live.finished() == 0)
    }

    @Test("However it ends, the terminal is as it was", arguments: [SIGTERM, SIGINT, SIGQUIT, SIGSEGV, SIGABRT])
    func ends(signal: Int32) async throws {
        // Swift's own report of a crash waits for somebody to press a key, and a core would be left in the folder of the tests.
        let live = try TerminalProcess(
            "/bin/sh",
            ["-c", "ulimit -c 0; exec \"$0\" dev --service db:80=127.0.0.1:9", DevProcess.program()],
            environment: ["SWIFT_BACKTRACE": "enable=no"])
        try await live.waitFor("1 port served")
        #expect(!live.echoes)
        live.signal(signal)
        let status = try await live.finished()
        #expect(status == (signal == SIGTERM || signal == SIGINT ? 0 : 128 + signal))
        #expect(live.echoes)
        #expect(await eventually { live.isCursorShown })
    }

    @Test("Ctrl-Z gives the terminal back to the shell, and going on takes it again")
    func stopped() async throws {
        let script = "set -m; \"$@\"; echo back in the shell; read line; fg"
        let live = try TerminalProcess(
            "/bin/sh", ["-c", script, "sh", DevProcess.program(), "dev", "--service", "db:80=127.0.0.1:9"])
        try await live.waitFor("1 port served")
        #expect(!live.echoes)
        live.type("\u{1A}")
        try await live.waitFor("back in the shell")
        // What it has written last may still be on its way.
        #expect(await eventually { live.echoes && live.isCursorShown })
        live.type("\n")
        #expect(await eventually { !live.echoes && !live.isCursorShown })
        #expect(
            await eventually { live.text.count { $0.hasPrefix("portico dev  ") } == 2 },
            "one that was left, and the one that stands there")
        live.type("\u{3}")
        #expect(try await live.finished() == 0)
        #expect(live.echoes && live.isCursorShown)
    }

    @Test("Ctrl-Z does nothing where no shell is that could let it go on, and the view comes back")
    func orphaned() async throws {
        let live = try dev(["--service", "db:80=127.0.0.1:9"])
        try await live.waitFor("1 port served")
        // The first of its session, as over ssh -t.
        for times in 1...2 {
            live.type("\u{1A}")
            #expect(
                await eventually(within: .seconds(20)) {
                    live.text.count { $0.hasPrefix("portico dev  ") } == times + 1 && !live.echoes
                        && !live.isCursorShown
                })
        }
        #expect(!live.isStopped)
        live.type("\u{3}")
        #expect(try await live.finished() == 0)
        #expect(live.echoes && live.isCursorShown)
    }

    @Test(
        "Lines are printed where a view is not wanted or would not be seen",
        arguments: [
            (["--plain"], [:], false), ([], ["TERM": "dumb"], false), ([], ["TERM": ""], false),
            (["--output", "json"], [:], false), ([], ["NO_COLOR": "1"], true),
        ] as [([String], [String: String], Bool)])
    func plain(options: [String], environment: [String: String], isView: Bool) async throws {
        let live = try dev(["--service", "db:80=127.0.0.1:9"] + options, environment: environment)
        try await live.waitFor(isView ? "1 port served" : options.contains("json") ? "listening" : "Ready.")
        #expect(live.echoes == !isView)
        live.type("\u{3}")
        #expect(try await live.finished() == 0)
    }

    @Test("The command behind -- has the terminal to itself")
    func command() async throws {
        let live = try dev([
            "--service", "db:80=127.0.0.1:9", "--", "sh", "-c", "echo the program; read line; echo $line",
        ])
        try await live.waitFor("the program")
        #expect(live.echoes && live.isCursorShown)
        live.type("typed\n")
        #expect(try await live.finished() == 0)
        #expect(live.text.count { $0.contains("typed") } == 2)
    }
}
