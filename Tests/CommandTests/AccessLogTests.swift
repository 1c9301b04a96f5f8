import ArgumentParser
import Balancing
import Base
import EventLoop
import Foundation
import Glibc
import TestSupport
import Testing

@testable import Relay
@testable import portico

@Suite("The access log", .timeLimit(.minutes(2))) struct AccessLogTests {
    private let endpoint = Endpoint(EndpointAddress(ip: IPAddress(v4: 0x0A01_0203), port: 8080), podName: "web-1")
    private let dead = Endpoint(EndpointAddress(ip: IPAddress(v4: 0x0A01_0204), port: 8080), podName: "web-2")

    private func record(_ outcome: ConnectionRecord.Outcome = .completed, failed: Bool = false) -> ConnectionRecord {
        let id = ServicePortID(ServicePortName(namespace: "shop", service: "web", port: "http"), .tcp)
        var record = ConnectionRecord(
            port: id, client: SocketAddress(v4: 0x7F00_0001, port: 40_000),
            endpoint: outcome == .noEndpoint ? nil : endpoint,
            attempts: failed ? 2 : 1, bytesUp: 12, bytesDown: 345, milliseconds: 67, outcome: outcome)
        if failed {
            record.failed = [DialFailure(port: id, endpoint: dead, attempt: 1, code: ECONNREFUSED, limit: 250)]
        }
        return record
    }

    private let time = WallClockTime(seconds: 1_796_083_200, milliseconds: 5)

    @Test("A line has all of it, for people and for programs, and is one line whatever pods are called")
    func lines() {
        let line = AccessLine(record: record(failed: true), time: time)
        #expect(
            line.text(.text)
                == "2026-12-01T00:00:00.005Z shop/web:http 127.0.0.1:40000 -> web-1 10.1.2.3:8080 up=12 down=345 ms=67 attempts=2 "
                + "(web-2 10.1.2.4:8080: connection refused): completed\n")
        #expect(
            line.text(.json)
                == #"{"time":"2026-12-01T00:00:00.005Z","service":"shop/web:http","client":"127.0.0.1:40000","endpoint":"10.1.2.3:8080","#
                + #""pod":"web-1","attempts":2,"failed":[{"endpoint":"10.1.2.4:8080","pod":"web-2","error":"connection refused"}],"#
                + #""bytesUp":12,"bytesDown":345,"milliseconds":67,"outcome":"completed"}"# + "\n")
        let none = AccessLine(record: record(.noEndpoint), time: time)
        #expect(none.text(.text).contains(" -> - up=12 ") && none.text(.json).contains("\"endpoint\":null"))
        let odd = Endpoint(endpoint.address, podName: "a\nb")
        var strange = record()
        strange = ConnectionRecord(
            port: strange.port, client: strange.client, endpoint: odd, attempts: 1, bytesUp: 0, bytesDown: 0,
            milliseconds: 0,
            outcome: .completed)
        for format in [OutputFormat.text, .json] {
            #expect(AccessLine(record: strange, time: time).text(format).count(where: \.isNewline) == 1)
        }
    }

    private func lines(_ path: String) -> [String] {
        guard let file = fopen(path, "r") else { return [] }
        defer { fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        bytes.removeLast(bytes.count - fread(&bytes, 1, bytes.count, file))
        return String(decoding: bytes, as: UTF8.self).split(separator: "\n").map(String.init)
    }

    @Test("All, failures alone, or a sample of those that ended well")
    func which() throws {
        let folder = try TemporaryDirectory()
        for (which, count) in [(AccessLog.Which.all, 11), (.failures, 1), (.sample(5), 3)] {
            let path = folder.file("\(count).log")
            let log = try AccessLog(path, .text, which)
            for _ in 0..<10 { log.take(.connectionEnded(record())) }
            log.take(.connectionEnded(record(.unreachable)))
            log.finish()
            #expect(lines(path).count == count, "\(which)")
        }
    }

    /// Sends lines until the file is there again.
    ///
    /// - Returns: how many.
    private func takeUntilMadeAnew(_ log: AccessLog, _ path: String) async -> Int {
        var sent = 0
        let isThere = await eventually {
            log.take(.connectionEnded(record()))
            sent += 1
            log.finish()
            return access(path, F_OK) == 0
        }
        #expect(isThere)
        return sent
    }

    @Test("A file that is moved away is made anew, and nothing is lost; one that cannot be opened is an error")
    func moved() async throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("access.log")
        let log = try AccessLog(path, .text, .all)
        log.take(.connectionEnded(record()))
        log.finish()
        #expect(rename(path, path + ".1") == 0)
        let sent = 1 + (await takeUntilMadeAnew(log, path))
        log.take(.connectionEnded(record()))
        log.finish()
        #expect(lines(path).count + lines(path + ".1").count == sent + 1)
        #expect(throws: CommandFailure.self) { try AccessLog(folder.file("none/access.log"), .text, .all) }
    }

    @Test("The program writes it: who came, whom it got, and why others failed")
    func program() async throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("access.log")
        let pod = try ScriptedServer.echo()
        let dead = try RefusingPort()
        let child = try ChildProcess(
            try DevProcess.program(),
            [
                "dev", "--plain", "--service", "web:8000=127.0.0.1:\(dead.port),127.0.0.1:\(pod.port)", "--publish",
                "web:8000=127.0.0.1:0",
                "--access-log", path, "--access-log-format", "json", "--output", "json",
            ])
        child.closeInput()
        await child.waitFor("listening")
        let port = try #require(
            child.output.firstMatch(of: /"127\.0\.0\.1:(\d+)"/).flatMap { UInt16($0.1) })
        for _ in 0..<4 {
            _ = try await ScriptedPeer.connect(
                to: port, script: [.send("hello"), .expect("hello"), .shutdownWrite, .receiveAll]
            ).finished()
        }
        #expect(await eventually { lines(path).count == 4 })
        #expect(lines(path).allSatisfy { $0.hasPrefix("{\"time\":") && $0.contains("\"outcome\":\"completed\"") })
        #expect(lines(path).contains { $0.contains("\"failed\":[{\"endpoint\":\"127.0.0.1:\(dead.port)\"") })
        child.signal(SIGTERM)
        #expect(try await child.finished().status == 0)
    }

    @Test("What cannot be is refused before anything is served")
    func mistakes() throws {
        for words in [
            ["--access-log", ""], ["--access-log-lines", "some"], ["--access-log-lines", "1/0"],
            ["--access-log-lines", "1/x"],
        ] {
            #expect(throws: (any Error).self, "\(words)") { try Portico.parseAsRoot(["dev", "-f", "x"] + words) }
        }
        let dev = try #require(
            try Portico.parseAsRoot(["dev", "-f", "x", "--access-log", "-", "--access-log-lines", "1/10"]) as? Dev)
        #expect(dev.access.accessLogLines == .sample(10))
    }

    @Test("What a full disk did not take is counted in the file that comes after, and no line of that is empty")
    func fullDisk() async throws {
        let folder = try TemporaryDirectory()
        let path = folder.file("access.log")
        #expect(symlink("/dev/full", path) == 0)
        let log = try AccessLog(path, .json, .all)
        for _ in 0..<7 { log.take(.connectionEnded(record())) }
        log.finish()
        unlink(path)
        let sent = await takeUntilMadeAnew(log, path)
        log.finish()
        let text = try String(contentsOfFile: path, encoding: .utf8)
        let found = text.split(separator: "\n", omittingEmptySubsequences: false)
        #expect(found.first == "{\"dropped\":\(7 + sent - 1)}", "\(text)")
        #expect(found.count == 3 && found.last == "", "one line of a connection, the last one")
    }
}
