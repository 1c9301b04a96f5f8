import APITestSupport
import TestSupport
import Testing

@testable import APIProxy

@Suite("Clients and servers that mean harm")
struct HostileTests {
    @Test(
        "Requests that two readers would read differently are read by nobody",
        arguments: [
            "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
            "POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: xchunked\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: +5\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length : 0\r\n\r\n",
            "GET /x HTTP/1.1\r\nHost: localhost\r\nX: a\nGET /smuggled HTTP/1.1\r\n\r\n",
            "GET /x HTTP/1.1\nHost: localhost\n\nGET /smuggled HTTP/1.1\nHost: localhost\n\n",
            "GET /x HTTP/1.1\r\nHost: localhost\r\n X: folded\r\n\r\n",
            "GET /x HTTP/1.1\r\n Host: evil.example\r\nHost: localhost\r\n\r\n",
            "GET /x HTTP/1.1\r\nHost: localhost\r\nX\u{0}Y: a\r\n\r\n",
            "GET /x HTTP/1.1\r\nHost: localhost\r\nX: a\u{0}b\r\n\r\n",
            "GET /x HTTP/1.1\r\nHost: localhost\rGET /smuggled HTTP/1.1\r\n\r\n",
            "GET /x y HTTP/1.1\r\nHost: localhost\r\n\r\n",
            "GET http://evil.example/x HTTP/1.1\r\nHost: evil.example\r\n\r\n", "\u{16}\u{3}\u{1}",
            "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            "GET * HTTP/1.1\r\nHost: localhost\r\n\r\n", "CONNECT evil.example:443 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        ])
    func ambiguous(text: String) async throws {
        let server = try await ScriptedAPIServer()
        let rig = try await Rig(of: server.port)
        let client = try await rig.client()
        try await client.send(text)
        // What waits for more has had its chance.
        try await client.endOutput()
        #expect(await eventually { client.hasEnded })
        for request in server.requests {
            #expect(request.target == "/x", "\(text)")
            #expect(request.header("host") == "127.0.0.1:\(server.port)")
            #expect(request.headers.filter { $0.name == "x" || $0.name == "x\u{0}y" }.isEmpty)
        }
    }

    @Test("Two Hosts are one too many")
    func twoHosts() async throws {
        let server = try await ScriptedAPIServer()
        let rig = try await Rig(of: server.port)
        for hosts in [["localhost", "evil.example"], ["evil.example", "localhost"]] {
            let answer = try await rig.ask("GET", "/x", host: hosts[0], [("Host", hosts[1])])
            #expect(answer.status == 403 || answer.status == 400)
        }
        #expect(server.requests.isEmpty)
    }

    @Test(
        "Heads without end are not kept",
        arguments: ["GET /", "GET / HTTP/1.1\r\nX: ", "GET / HTTP/1.1\r\nHost: localhost\r\n"])
    func endless(start: String) async throws {
        let server = try await ScriptedAPIServer()
        let rig = try await Rig(of: server.port)
        let client = try await rig.client()
        try await client.send(start)
        let piece =
            start.hasSuffix("\r\n")
            ? String(repeating: "A: b\r\n", count: 10_000) : String(repeating: "a", count: 60_000)
        var sent = 0
        while sent < 64 << 20, !client.isClosed {
            guard (try? await client.send(piece)) != nil else { break }
            sent += piece.utf8.count
        }
        #expect(sent < 8 << 20)
        #expect(await eventually { client.isClosed || client.hasEnded })
        #expect(server.requests.isEmpty)
    }

    @Test("Headers may be large, as tokens are, and not huge")
    func largeHeaders() async throws {
        let server = try await ScriptedAPIServer()
        server.on("GET", "/x", mirror)
        let rig = try await Rig(of: server.port)
        let value = String(repeating: "t", count: 15_000)
        #expect(try await rig.ask("GET", "/x", [("X-Large", value)]).body.contains(value))
        let client = try await rig.client()
        try await client.send(
            "GET /x HTTP/1.1\r\nHost: localhost\r\nX: " + String(repeating: "x", count: 200_000) + "\r\n\r\n")
        #expect(await eventually { client.hasEnded })
        #expect(client.text.hasPrefix("HTTP/1.1 431 ") || client.text.isEmpty)
    }

    @Test(
        "A server that lies: the client gets an error or an answer that breaks off",
        arguments: [
            "nonsense\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcde",
            "HTTP/1.1 99 No\r\n\r\n", "",
            "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n",
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
        ])
    func lyingServer(text: String) async throws {
        let server = try await UpgradeServer { _ in .bytes([Array(text.utf8)], closes: true) }
        let rig = try await Rig(of: server.port)
        let client = try await rig.client()
        try await client.send("GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        #expect(await eventually { client.hasEnded })
        #expect(!client.text.hasPrefix("HTTP/1.1 101"))
        #expect(
            client.text.isEmpty || client.text.hasPrefix("HTTP/1.1 500 ") || !client.text.hasSuffix("\r\n0\r\n\r\n"))
        #expect(await eventually { server.openConnections == 0 })
    }

    @Test("Both lengths in an answer: chunks count, and only they go on")
    func bothLengths() async throws {
        let server = try await UpgradeServer { _ in
            .bytes(
                [
                    Array(
                        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nfour\r\n0\r\n\r\n"
                            .utf8)
                ],
                closes: true)
        }
        let answer = try await Rig(of: server.port).ask("GET", "/x")
        if answer.status == 200 {
            #expect(answer.header("content-length") == nil && answer.body == "four")
        } else {
            #expect(answer.status == 500)
        }
    }

    @Test("Clients that come and go at any moment leave nothing behind")
    func comingAndGoing() async throws {
        let server = try await ScriptedAPIServer()
        let feed = WatchFeed()
        server.on("GET", "/watch", .watch(feed))
        let rig = try await Rig(of: server.port)
        let text = "GET /watch HTTP/1.1\r\nHost: localhost\r\n\r\n"
        for length in stride(from: 0, through: text.utf8.count, by: 3) {
            let client = try await rig.client()
            try await client.send(String(text.prefix(length)))
            if length % 2 == 0 { client.close() } else { await client.reset() }
        }
        #expect(await eventually { server.openConnections == 0 })
        #expect(await eventually { OpenSocket.accepted(at: UInt16(rig.port)) == nil })
    }
}
