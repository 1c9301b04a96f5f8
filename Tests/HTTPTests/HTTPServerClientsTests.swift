import Base
import EventLoop
import HTTP
import TestSupport
import Testing

@Suite("Clients of a server that do not behave, and servers that end", .timeLimit(.minutes(2)))
struct HTTPServerClientsTests {
    private static let largeSize = 4 << 20

    /// Answers `/large` with much, and all else with the path.
    private func serve(_ limits: HTTPServer.Limits = HTTPServer.Limits()) throws -> (HTTPServer, HTTPListener) {
        let server = try HTTPServer(name: "test", limits: limits)
        let listener = try server.listen(on: .loopback(port: 0)) { request in
            if request.path == "/large" { return HTTPAnswer(.ok, [UInt8](repeating: 0x78, count: Self.largeSize)) }
            return HTTPAnswer(.ok, request.path.utf8)
        }
        return (server, listener)
    }

    private func client(
        of listener: HTTPListener, options: SocketOptions = .default, _ script: [PeerStep]
    ) throws -> ScriptedPeer {
        try ScriptedPeer.connect(to: listener.address.port, options: options, script: script)
    }

    private func expectService(at listener: HTTPListener) async throws {
        let script: [PeerStep] = [.send(get("/x", "Connection: close\r\n")), .receiveAll]
        let report = try await client(of: listener, script).finished()
        #expect(report.received.text == okay("/x", "Connection: close\r\n"))
    }

    // MARK: Clients

    @Test("Clients that never read their large answers hold nobody up")
    func neverRead() async throws {
        let (server, listener) = try serve()
        let asked = (0..<10).map { _ in Cue() }
        let clients = try asked.map { cue in
            try client(of: listener, options: .tiny, [.send(get("/large") + get("/large")), .give(cue), .neverRead])
        }
        for cue in asked { try await cue.wait() }
        for _ in 0..<5 { try await expectService(at: listener) }
        withExtendedLifetime((server, clients)) {}
    }

    @Test("A client that never reads its answer loses its connection")
    func neverReadsUntilTheLimit() async throws {
        let (server, listener) = try serve(HTTPServer.Limits(idleMilliseconds: 100))
        let mayRead = Cue()
        let slow = try client(of: listener, options: .tiny, [.send(get("/large")), .wait(mayRead), .receiveAll])
        // Another one that only waits has come later: when it is let go of, so is the first.
        #expect(await eventually { slow.progress.sent.count == get("/large").utf8.count })
        for _ in 0..<2 { _ = try await client(of: listener, [.send(get("/x")), .receiveAll]).finished() }
        mayRead.give()
        let report = await slow.report()
        #expect(report.received.count < Self.largeSize, "the end was never sent")
        withExtendedLifetime(server) {}
    }

    @Test("A large answer arrives whole at a client that reads little at a time, and the connection goes on")
    func largeAnswer() async throws {
        let (server, listener) = try serve()
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: \(Self.largeSize)\r\n\r\n"
        let script: [PeerStep] = [
            .send(get("/large") + get("/after")), .expect(head), .expect(Self.largeSize), .expect(okay("/after")),
            .send(get("/last", "Connection: close\r\n")), .expect(okay("/last", "Connection: close\r\n")), .receiveAll,
        ]
        let report = try await client(of: listener, options: SocketOptions(receiveBuffer: 16 << 10), script).finished()
        #expect(report.sawEnd)
        withExtendedLifetime(server) {}
    }

    @Test(
        "Clients that vanish in the middle of a request or of their answer harm nobody",
        arguments: [
            [PeerStep.send("GET / HT"), .reset], [.send("POST / HTTP/1.1\r\nContent-Length: 9\r\n\r\nx"), .reset],
            [.send(get("/large")), .expect(1000), .reset], [.send(get("/large")), .expect(1000), .close],
            [.send(get("/large") + get("/large")), .reset], [.reset], [.close], [.send("nonsense\r\n"), .close],
        ])
    func vanish(_ script: [PeerStep]) async throws {
        let (server, listener) = try serve()
        for _ in 0..<5 { _ = try await client(of: listener, script).finished() }
        try await expectService(at: listener)
        withExtendedLifetime(server) {}
    }

    @Test("Many clients at once each get their own answers, in order")
    func manyClients() async throws {
        let (server, listener) = try serve()
        let clients = try (0..<60).map { number in
            let steps = (0..<10).flatMap { round in
                [PeerStep.send(get("/\(number)/\(round)")), .expect(okay("/\(number)/\(round)"))]
            }
            return try client(of: listener, steps)
        }
        for client in clients { _ = try await client.finished() }
        withExtendedLifetime(server) {}
    }

    @Test("What is refused reaches a client that goes on sending, and does not reach the others")
    func refusedWhileSending() async throws {
        let (server, listener) = try serve(HTTPServer.Limits(largestBody: 10))
        let rude = try client(
            of: listener,
            [
                .send("POST / HTTP/1.1\r\nContent-Length: 200000\r\n\r\n"), .sendPattern(count: 200_000, seed: 1),
                .shutdownWrite, .receiveAll,
            ])
        let report = try await rude.finished()
        #expect(report.received.text.hasPrefix("HTTP/1.1 413 ") && report.sawEnd && !report.sawReset)
        try await expectService(at: listener)
        withExtendedLifetime(server) {}
    }

    // MARK: Ends

    @Test("A server that shuts down ends all connections, whatever they are at")
    func shutdown() async throws {
        let (server, listener) = try serve()
        let scripts: [[PeerStep]] = [
            [.send(get("/x")), .expect(okay("/x"))], [.send(get("/large")), .expect(1000)],
            [.send(get("/x") + "GET /"), .expect(okay("/x"))],
        ]
        let (ready, goOn) = (scripts.map { _ in Cue() }, Cue())
        let clients = try zip(scripts, ready).map { script, cue in
            try client(of: listener, script + [.give(cue), .wait(goOn), .receiveAll])
        }
        for cue in ready { try await cue.wait() }
        server.shutdown()
        goOn.give()
        for client in clients {
            let report = await client.report()
            #expect(report.sawEnd || report.sawReset)
        }
        // All of these may be said again, in any order.
        server.shutdown()
        listener.close()
        listener.close()
        #expect(throws: SystemError.self) {
            _ = try server.listen(on: .loopback(port: 0)) { _ in HTTPAnswer(.ok, []) }
        }
    }

    @Test("A listener that ends takes its own connections along, and no others")
    func otherListeners() async throws {
        let (server, listener) = try serve()
        let other = try server.listen(on: .loopback(port: 0)) { HTTPAnswer(.ok, $0.path.utf8) }
        let (ready, goOn) = (Cue(), Cue())
        let stays = try client(
            of: listener,
            [.send(get("/1")), .expect(okay("/1")), .give(ready), .wait(goOn), .send(get("/2")), .expect(okay("/2"))])
        let goes = try client(of: other, [.send(get("/1")), .expect(okay("/1")), .receiveAll])
        try await ready.wait()
        #expect(await eventually { goes.progress.received.count == okay("/1").utf8.count })
        other.close()
        #expect(try await goes.finished().sawEnd)
        goOn.give()
        _ = try await stays.finished()
        withExtendedLifetime(server) {}
    }

    @Test("A server that nobody holds any more lets its clients go")
    func letGoOf() async throws {
        var server: HTTPServer? = try HTTPServer(name: "test")
        let listener = try #require(try server?.listen(on: .loopback(port: 0)) { HTTPAnswer(.ok, $0.path.utf8) })
        let client = try client(of: listener, [.send(get("/1")), .expect(okay("/1")), .receiveAll])
        #expect(await eventually { client.progress.received.count == okay("/1").utf8.count })
        server = nil
        #expect(try await client.finished().sawEnd)
    }
}
