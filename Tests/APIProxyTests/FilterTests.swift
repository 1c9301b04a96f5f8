import APITestSupport
import EventLoop
import Glibc
import TestSupport
import Testing

@testable import APIProxy

@Suite("What the proxy keeps out")
struct FilterTests {
    @Test(
        "Hosts that are not this machine: DNS rebinding",
        arguments: ["evil.example", "evil.example:8001", "[::1].evil", ""])
    func hosts(host: String) async throws {
        let server = try await ScriptedAPIServer()
        let rig = try await Rig(of: server.port)
        let answer = try await rig.ask("GET", "/api", host: host)
        #expect(answer.status == 403 && answer.body == "Forbidden\n")
        #expect(answer.header("x-content-type-options") == "nosniff")
        #expect(answer.header("content-type") == "text/plain; charset=utf-8")
        #expect(server.requests.isEmpty)
    }

    @Test("This machine by all its names", arguments: ["localhost:8001", "127.0.0.1", "[::1]:8001", "[::1]"])
    func ownHosts(host: String) async throws {
        let server = try await ScriptedAPIServer()
        server.on("GET", "/api", .answer(200, "yes"))
        #expect(try await Rig(of: server.port).ask("GET", "/api", host: host).body == "yes")
    }

    @Test("A page of somebody else does nothing, not by forms and not by WebSockets")
    func origins() async throws {
        let server = try await ScriptedAPIServer()
        server.on("GET", "/x", mirror)
        server.on("POST", "/x", mirror)
        let rig = try await Rig(of: server.port)
        let foreign = [("Origin", "http://evil.example")]
        let read = try await rig.ask("GET", "/x", foreign)
        #expect(read.status == 200 && !read.headers.contains { $0.name.lowercased().hasPrefix("access-control") })
        #expect(try await rig.ask("POST", "/x", foreign, body: "").status == 403)
        #expect(try await rig.ask("OPTIONS", "/x", foreign).status == 403)
        #expect(try await rig.ask("POST", "/x", [("Origin", "http://localhost:3000")], body: "").status == 200)
        let socket = try await rig.client()
        try await socket.send(
            "GET /x HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\nConnection: keep-alive, Upgrade\r\n"
                + "Upgrade: websocket\r\n\r\n")
        #expect(await eventually { socket.hasEnded })
        #expect(socket.text.hasPrefix("HTTP/1.1 403 "))
    }

    @Test("Exec and attach are refused, and everything is let through without a filter")
    func paths() async throws {
        let server = try await ScriptedAPIServer()
        for name in ["exec", "attach"] { server.on("POST", "/api/v1/namespaces/d/pods/x/\(name)", .answer(200, "yes")) }
        let rig = try await Rig(of: server.port)
        let open = try await Rig(of: server.port) { $0.filter = nil }
        for name in ["exec", "attach"] {
            #expect(try await rig.ask("POST", "/api/v1/namespaces/d/pods/x/\(name)", body: "").status == 403)
            let host = "evil.example"
            #expect(
                try await open.ask("POST", "/api/v1/namespaces/d/pods/x/\(name)", host: host, body: "").body == "yes")
        }
    }

    @Test("A body that comes with a request that is refused does no harm to the next")
    func refusedBody() async throws {
        let server = try await ScriptedAPIServer()
        server.on("GET", "/next", .answer(200, "next"))
        let rig = try await Rig(of: server.port) { $0.filter?.rejectedMethods = try! PatternList("^POST$") }
        let client = try await rig.client()
        let body = String(repeating: "GET /never HTTP/1.1\r\n\r\n", count: 5000)
        try await client.send(
            "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)")
        try await client.send("GET /next HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(await eventually { client.text.hasSuffix("next") })
        #expect(server.requests.map(\.target) == ["/next"])
    }

    @Test("Whoever may not use the proxy is told why")
    func peers() async throws {
        let server = try await ScriptedAPIServer()
        server.on("GET", "/api", .answer(200, "yes"))
        let own = try await Rig(of: server.port) { $0.peers = PeerPolicy(user: geteuid()) }
        #expect(try await own.ask("GET", "/api").body == "yes")
        let other = try await Rig(of: server.port) { $0.peers = PeerPolicy(user: 4_000_000) }
        let answer = try await other.ask("GET", "/api")
        #expect(answer.status == 403)
        #expect(
            answer.body.hasPrefix(
                "Forbidden: this proxy serves programs of user 4000000 only, and you are user \(geteuid());"))
        #expect(server.requests.count == 1)
    }
}
