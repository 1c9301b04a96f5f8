import Foundation
import Glibc
import TestSupport
import Testing

@testable import portico

/// Output that nobody reads, or that cannot be written: it holds nothing up where something is served, and is an error
/// where the output is all there is.
@Suite(.timeLimit(.minutes(3))) struct UnreadOutputTests {
    /// A named pipe that is open and that nobody reads, until ``text()`` does.
    private final class Stalled {
        let path: String
        private var descriptor: Int32

        init(_ folder: TemporaryDirectory, _ name: String) throws {
            path = folder.file(name)
            try #require(mkfifo(path, 0o600) == 0)
            descriptor = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK)
            // F_SETPIPE_SZ: one page is full after a few lines.
            try #require(descriptor >= 0 && fcntl(descriptor, 1031, 4096) >= 4096)
        }

        deinit { leave() }

        /// Nobody has it open for reading from here on.
        func leave() {
            if descriptor >= 0 { close(descriptor) }
            descriptor = -1
        }

        var isFull: Bool {
            var entry = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
            return poll(&entry, 1, 0) == 0
        }
    }

    private static func program() throws -> String { try DevProcess.program() }

    /// Runs Portico with its streams where a shell would put them.
    private func start(_ arguments: [String], _ redirections: String) throws -> ChildProcess {
        let child = try ChildProcess(
            "/bin/sh", ["-c", "exec \"$@\" \(redirections)", "sh", try Self.program()] + arguments)
        child.closeInput()
        return child
    }

    private func answer(_ port: UInt16) async throws -> String {
        try await ScriptedPeer.connect(to: port, script: [.receiveAll]).finished().received.text
    }

    @Test("A session whose output and log nobody reads serves on, follows its manifests, and ends when it is told to")
    func stalledSession() async throws {
        let folder = try TemporaryDirectory()
        let (output, log) = (try Stalled(folder, "output"), try Stalled(folder, "log"))
        let (old, new) = (try ScriptedServer.identity("old"), try ScriptedServer.identity("new"))
        let port = try freePort()
        func service(_ server: UInt16, _ more: Int) -> String {
            var text = """
                {kind: Service, metadata: {name: web}, spec: {ports: [{port: 80}]}}
                ---
                {kind: Endpoints, metadata: {name: web}, subsets: [{addresses: [{ip: 127.0.0.1}], ports: [{port: \(server)}]}]}

                """
            // Broken documents fill the log.
            for number in 0..<more { text += "---\n{kind: Service, metadata: {name: b\(number)}, spec: {ports: 1}}\n" }
            return text
        }
        try folder.write(service(old.port, 0), to: "m/web.yaml")
        let session = try start(
            ["dev", "-f", folder.file("m"), "--publish", "web:80=\(port)", "--connections"],
            "> \(output.path) 2> \(log.path)")
        #expect(await eventually(within: .seconds(30)) { (try? await answer(port)) == "old" })
        #expect(
            try await eventually(within: .seconds(60)) {
                _ = try await answer(port)
                return output.isFull
            })
        try folder.replace("m/web.yaml", with: service(old.port, 100))
        #expect(await eventually(within: .seconds(30)) { log.isFull })
        for _ in 0..<50 { #expect(try await answer(port) == "old") }
        try folder.replace("m/web.yaml", with: service(new.port, 200))
        #expect(try await eventually(within: .seconds(30)) { try await answer(port) == "new" })
        session.signal(SIGTERM)
        #expect(try await session.finished(within: .seconds(30)).status == 0)
    }

    @Test("A closed pipe and a full disk end no session", arguments: ["closed", "full"])
    func brokenSession(how: String) async throws {
        let server = try ScriptedServer.identity("a")
        let port = try freePort()
        let folder = try TemporaryDirectory()
        let pipe = try Stalled(folder, "pipe")
        let session = try start(
            [
                "dev", "--service", "web:80=127.0.0.1:\(server.port)", "--publish", "web:80=\(port)", "--connections",
            ], "> \(how == "full" ? "/dev/full" : pipe.path) 2>&1")
        #expect(await eventually(within: .seconds(30)) { (try? await answer(port)) == "a" })
        pipe.leave()
        for _ in 0..<20 { #expect(try await answer(port) == "a") }
        session.signal(SIGTERM)
        #expect(try await session.finished().status == 0)
    }

    @Test("Streams that were closed from the start are nobody's, and no connection gets their place")
    func closedStreams() async throws {
        let server = try ScriptedServer.identity("a")
        let port = try freePort()
        let session = try start(
            ["dev", "--service", "web:80=127.0.0.1:\(server.port)", "--publish", "web:80=\(port)", "--connections"],
            "<&- >&- 2>&-")
        #expect(await eventually(within: .seconds(30)) { (try? await answer(port)) == "a" })
        for stream in 0...2 {
            let path = "/proc/\(session.pid)/fd/\(stream)"
            #expect(try FileManager.default.destinationOfSymbolicLink(atPath: path) == "/dev/null")
        }
        for _ in 0..<20 { #expect(try await answer(port) == "a") }
        session.signal(SIGTERM)
        #expect(try await session.finished().status == 0)
        let version = try await start(["version"], ">&-").finished()
        #expect(version.status == 1)
        #expect(version.errors == "portico: cannot write to standard output: Bad file descriptor\n")
    }

    @Test("What could not be said is counted, and said when it can be")
    func dropped() async throws {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        defer { for end in ends { close(end) } }
        _ = fcntl(ends[1], 1031, 4096)
        let stream = StandardStream(descriptor: ends[1])
        stream.startQueueing(capacity: 10_000) { "\($0) lines were dropped\n" }
        for number in 0..<1000 { stream.write("line \(number) " + String(repeating: "x", count: 90) + "\n") }
        #expect(!stream.flush(within: .milliseconds(50)), "nobody reads")
        let reader = ends[0]
        _ = fcntl(reader, F_SETFL, O_NONBLOCK)
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 4096)
        func take() {
            while case let count = read(reader, &buffer, buffer.count), count > 0 {
                text += String(decoding: buffer[..<count], as: UTF8.self)
            }
        }
        #expect(
            await eventually {
                take()
                return text.contains("dropped\n")
            })
        stream.write("afterwards\n")
        #expect(
            await eventually {
                take()
                return text.hasSuffix("afterwards\n")
            })
        let lines = text.split(separator: "\n").map(String.init)
        let written = lines.count { $0.hasPrefix("line ") }
        let told = lines.filter { $0.hasSuffix("dropped") }.compactMap { Int($0.prefix { $0 != " " }) }
        #expect(told.reduce(0, +) == 1000 - written && written < 1000, "\(told)")
        #expect(lines.last == "afterwards")
        #expect(stream.flush(within: .seconds(10)))
    }

    @Test(
        "A line that is larger than all the room is said where it is the only one, and what is lost is counted"
    )
    func largeAndBroken() async throws {
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        let stream = StandardStream(descriptor: ends[1])
        stream.startQueueing(capacity: 10) { "\($0) were dropped\n" }
        stream.write("much more than ten\n")
        #expect(stream.flush(within: .seconds(10)))
        var buffer = [UInt8](repeating: 0, count: 100)
        #expect(read(ends[0], &buffer, buffer.count) == 19)
        // Nobody has it open for reading: each line fails at once, and nothing waits for anything.
        signal(SIGPIPE, SIG_IGN)
        close(ends[0])
        for number in 0..<3 {
            stream.write("\(number)\n")
            #expect(stream.flush(within: .seconds(10)))
        }
        // Then something else is there, as after a log was turned over.
        let folder = try TemporaryDirectory()
        let file = open(try folder.write("", to: "log"), O_WRONLY)
        defer { close(file) }
        try #require(dup2(file, ends[1]) == ends[1])
        defer { close(ends[1]) }
        stream.write("again\n")
        #expect(stream.flush(within: .seconds(10)))
        let text = try String(contentsOfFile: folder.file("log"), encoding: .utf8)
        #expect(text == "3 were dropped\nagain\n", "nothing of them is out, so no line has to be ended")
        #expect(stream.failure == nil, "who serves has not failed by that")
    }

    @Test("What follows half of a line begins a line of its own")
    func halfALine() async throws {
        signal(SIGPIPE, SIG_IGN)
        var ends: [Int32] = [-1, -1]
        try #require(pipe(&ends) == 0)
        defer { close(ends[1]) }
        let failures = Locked(0)
        let queue = LineQueue(ends[1], capacity: 1 << 20) {
            "\($0) were dropped\n"
        } failed: { _ in
            failures.withLock { $0 += 1 }
        }
        queue.add(String(repeating: "x", count: 200_000) + "\n")
        // The pipe has room for less than that.
        #expect(!queue.flush(within: .milliseconds(100)))
        close(ends[0])
        #expect(queue.flush(within: .seconds(10)))
        queue.add("lost\n")
        #expect(queue.flush(within: .seconds(10)))
        #expect(failures.withLock { $0 } == 1, "told once")
        let folder = try TemporaryDirectory()
        let file = open(try folder.write("", to: "log"), O_WRONLY)
        defer { close(file) }
        try #require(dup2(file, ends[1]) == ends[1])
        queue.add("again\n")
        #expect(queue.flush(within: .seconds(10)))
        let text = try String(contentsOfFile: folder.file("log"), encoding: .utf8)
        #expect(text == "\n2 were dropped\nagain\n")
    }

    @Test(
        "A command whose output cannot be written fails, and says why",
        arguments: ["version", "help", "check", "render"])
    func fullDisk(command: String) async throws {
        let folder = try TemporaryDirectory()
        let file = try folder.write(
            "{apiVersion: v1, kind: Service, metadata: {name: web}, spec: {selector: {a: b}, ports: [{port: 80}]}}\n",
            to: "web.yaml")
        let arguments = [
            "version": ["version"], "help": ["--help"], "check": ["check", "-f", file],
            "render": ["render", "-f", file, "--ipv4"],
        ]
        let full = try start(arguments[command] ?? [], "> /dev/full")
        let result = try await full.finished()
        #expect(result.status == 1)
        #expect(result.errors.hasSuffix("portico: cannot write to standard output: No space left on device\n"))
        // A reader that has gone is an error, too, where the signal for it is ignored, as under many launchers.
        let pipe = try Stalled(folder, "pipe")
        let gone = try ChildProcess(
            "/bin/sh",
            ["-c", "trap '' PIPE; exec 3> \(pipe.path); echo open; read go; exec \"$@\" >&3", "sh", try Self.program()]
                + (arguments[command] ?? []))
        #expect(await eventually { gone.output == "open\n" })
        pipe.leave()
        try gone.write("go\n")
        let end = try await gone.finished()
        #expect(end.status == 1)
        #expect(end.errors.hasSuffix("portico: cannot write to standard output: Broken pipe\n"))
    }
}
