import APITestSupport
import Glibc
import NIOCore
import TestSupport
import Testing

@testable import Tunnels

/// Both ways to carry SPDY.
enum Kind: CaseIterable { case webSocket, spdy }

/// A server that speaks only one of both.
func server(_ kind: Kind = .webSocket) async throws -> PortForwardServer {
    let server = try await PortForwardServer()
    if kind == .spdy { server.obstruct(webSocket: true, .status(400, "query parameter \"port\" is required\n")) }
    return server
}

@Suite("Connections with pods by port-forwards")
struct TunnelTests {
    private let data = PortForwardServer.pattern(300_000)

    @Test("Bytes go both ways, and both ends are passed on", arguments: Kind.allCases)
    func echo(kind: Kind) async throws {
        let server = try await server(kind)
        server.play("my-pod", 8080, .echo())
        let tunnels = try TestTunnels(server.port)
        let client = tunnels.connect()
        async let answer = client.read()
        try await client.send(data)
        try await client.endSending()
        #expect(try await answer == data)
        #expect(client.count == 1)
        #expect(tunnels.problems.isEmpty)
    }

    @Test("C1: a server that splits every frame into messages of one byte, with empty ones between")
    func splitting() async throws {
        let server = try await server()
        server.splitMessages()
        server.play("my-pod", 8080, .echo())
        let tunnels = try TestTunnels(server.port)
        for _ in 0..<2 {
            let client = tunnels.connect()
            try await client.send(Array(data.prefix(3000)))
            try await client.endSending()
            #expect(try await client.read() == Array(data.prefix(3000)))
        }
        // One each if the first is not free again yet, and one to spare.
        #expect(server.connectionCount <= 3)
    }

    @Test(
        "C2: whatever a server says to the first protocol, the second is tried, and then comes first",
        arguments: [
            PortForwardServer.Obstacle.status(400, "query parameter \"port\" is required\n"), .status(403, "{}"),
            .status(404, "{}"), .status(500, ""), .otherProtocol,
        ])
    func fallback(obstacle: PortForwardServer.Obstacle) async throws {
        let server = try await PortForwardServer()
        server.obstruct(webSocket: true, obstacle)
        server.play("my-pod", 8080, .echo())
        let tunnels = try TestTunnels(server.port)
        for _ in 0..<3 {
            let client = tunnels.connect()
            try await client.send("hello")
            #expect(try await client.read(5) == Array("hello".utf8))
        }
        #expect(server.requests.filter { $0.method == "GET" }.count == 1)
        #expect(tunnels.problems.isEmpty)
    }

    @Test("C3: where both are forbidden, verb and resource are named, and it is asked again later")
    func forbidden() async throws {
        let server = try await PortForwardServer()
        let message =
            "pods \\\"my-pod\\\" is forbidden: User \\\"jo\\\" cannot create resource \\\"pods/portforward\\\""
        server.obstruct(.status(403, #"{"kind":"Status","message":"\#(message)","code":403}"#))
        server.play("my-pod", 8080, .echo())
        let tunnels = try TestTunnels(server.port)
        #expect(await tunnels.connect().failure() == EACCES)
        let problem = try #require(tunnels.problems.first)
        #expect(problem.pod == PodPort(namespace: "default", pod: "my-pod", port: 8080))
        #expect(problem.text?.contains("create pods/portforward in namespace default") == true)
        #expect(problem.text?.contains("User \"jo\" cannot create") == true)
        #expect(await tunnels.connect().failure() == EACCES)
        #expect(tunnels.problems.count == 1)
        #expect(server.requests.map(\.method) == ["GET", "POST"])
        server.clearTheWay()
        #expect(
            await eventually {
                let client = tunnels.connect()
                return (try? await client.socket()) != nil
            })
    }

    @Test("A crowd does not hammer a server that refuses")
    func crowd() async throws {
        let server = try await PortForwardServer()
        server.obstruct(.status(404, #"{"kind":"Status","message":"pods \"my-pod\" not found","code":404}"#))
        let tunnels = try TestTunnels(server.port)
        for _ in 0..<20 { #expect(await tunnels.connect().failure() == EHOSTUNREACH) }
        #expect(server.requests.count < 12)
    }

    @Test("C4: a refusal takes back what was delivered, with all that the client has said", arguments: Kind.allCases)
    func refusal(kind: Kind) async throws {
        let server = try await server(kind)
        server.play("my-pod", 8080, .echo())
        let tunnels = try TestTunnels(server.port)
        let refused = tunnels.connect("my-pod", 81)
        try await refused.send("GET / HTTP/1.1\r\n")
        let withdrawal = try #require(await refused.withdrawal())
        #expect(withdrawal.0 == ECONNREFUSED)
        #expect(withdrawal.said == Array("GET / HTTP/1.1\r\n".utf8))
        #expect(!withdrawal.isAtEnd)
        #expect(tunnels.problems.first?.text?.hasPrefix("nothing listens on port 81") == true)

        let ended = tunnels.connect("my-pod", 81)
        try await ended.send(Array(data.prefix(40_000)))
        try await ended.endSending()
        let second = try #require(await ended.withdrawal())
        #expect(second.said == Array(data.prefix(40_000)))
        #expect(second.isAtEnd)
        #expect(tunnels.problems.count == 1)

        let client = tunnels.connect()
        try await client.send("hello")
        #expect(try await client.read(5) == Array("hello".utf8))
    }

    @Test("A refusal while the client has much to say: nothing is lost, however much it is")
    func refusalOfMuch() async throws {
        let server = try await server()
        let tunnels = try TestTunnels(server.port)
        let client = tunnels.connect("my-pod", 81)
        let sending = Task { [data] in try? await client.send(data) }
        let withdrawal = try #require(await client.withdrawal())
        sending.cancel()
        // The refusal may have been faster than all of it, or any.
        #expect(withdrawal.said == Array(data.prefix(withdrawal.said.count)))
    }

    @Test("C5: a pod that answers long after the client's end", arguments: Kind.allCases)
    func halfClosed(kind: Kind) async throws {
        let server = try await server(kind)
        server.play("my-pod", 8080, .sink)
        server.play("my-pod", 8081, .echo(endsAfter: 500))
        let tunnels = try TestTunnels(server.port)
        let sink = tunnels.connect()
        try await sink.send(data)
        try await sink.endSending()
        #expect(try await sink.readText() == "300000")
        let echo = tunnels.connect("my-pod", 8081)
        try await echo.send("hello")
        try await echo.endSending()
        #expect(try await echo.readText() == "hello")
    }

    @Test("A pod that ends its side first still hears all that the client says, and its end", arguments: Kind.allCases)
    func podEndsFirst(kind: Kind) async throws {
        let server = try await server(kind)
        server.play("my-pod", 8080, .endsFirst(1000))
        let tunnels = try TestTunnels(server.port)
        let client = tunnels.connect()
        #expect(try await client.read() == PortForwardServer.pattern(1000))
        try await client.send(data)
        try await client.endSending()
        #expect(await eventually { server.notes.contains(.end(pod: "my-pod", bytes: data.count)) })
        #expect(!server.notes.contains { if case .reset = $0 { true } else { false } })
        #expect(!client.isBroken && tunnels.problems.isEmpty)
    }

    @Test("A pod that ends its side at once, without a word, does not keep an upload waiting", arguments: Kind.allCases)
    func podEndsAtOnce(kind: Kind) async throws {
        let server = try await server(kind)
        server.play("my-pod", 8080, .endsFirst(0))
        let tunnels = try TestTunnels(server.port)
        let client = tunnels.connect()
        try await client.send(data)
        try await client.endSending()
        #expect(await eventually { server.notes.contains(.end(pod: "my-pod", bytes: data.count)) })
    }

    @Test("A pod that says all at once and ends; and one that takes and ends without a word", arguments: Kind.allCases)
    func source(kind: Kind) async throws {
        let server = try await server(kind)
        server.play("my-pod", 8080, .source(3_000_000))
        server.play("my-pod", 8081, .source(0))
        let tunnels = try TestTunnels(server.port)
        #expect(try await tunnels.connect().read() == PortForwardServer.pattern(3_000_000))
        let empty = tunnels.connect("my-pod", 8081)
        #expect(try await empty.read() == [])
        #expect(empty.count == 1)
        #expect(tunnels.problems.isEmpty)
    }

    @Test("C6: a client that goes within a download is reset at the server", arguments: Kind.allCases)
    func vanishing(kind: Kind) async throws {
        let server = try await server(kind)
        server.play("my-pod", 8080, .endlessSource)
        let tunnels = try TestTunnels(server.port)
        let client = tunnels.connect()
        #expect(try await client.read(1_000_000).count == 1_000_000)
        try await client.close()
        #expect(await eventually { server.notes.contains(.reset(pod: "my-pod", status: 5)) })
        #expect(await eventually { server.openConnections <= 1 })
    }

    @Test("C7: a reader that stalls holds up nobody and fills no memory, and then gets every byte")
    func stalled() async throws {
        let server = try await server()
        server.play("my-pod", 8080, .source(12 << 20))
        server.play("my-pod", 8081, .echo())
        let tunnels = try TestTunnels(server.port) { $0.pinging = Pinging(every: .milliseconds(400), most: 3) }
        let stalled = tunnels.connect()
        #expect(try await stalled.read(10) == PortForwardServer.pattern(10))
        let others = (0..<20).map { _ in tunnels.connect("my-pod", 8081) }
        for round in 0..<30 {
            for other in others {
                try await other.send("round \(round) ")
                #expect(try await other.read("round \(round) ".utf8.count).count == "round \(round) ".utf8.count)
            }
        }
        // Long enough for many pings to stay unread.
        try await Task.sleep(for: .seconds(2))
        let rest = try await stalled.read()
        #expect(rest.count == (12 << 20) - 10)
        #expect(rest.suffix(1000) == PortForwardServer.pattern(1000, from: (12 << 20) - 1000)[...])
        #expect(tunnels.problems.isEmpty)
    }

    @Test("C8: a stream that is never acknowledged is taken back within its time")
    func deaf() async throws {
        let server = try await server()
        server.play("my-pod", 8080, .deafness)
        let tunnels = try TestTunnels(server.port) { $0.patience.acknowledgement = .milliseconds(300) }
        let client = tunnels.connect()
        try await client.send("hello")
        let withdrawal = try #require(await client.withdrawal())
        #expect(withdrawal.0 == ETIMEDOUT)
        #expect(withdrawal.said == Array("hello".utf8))
        server.play("my-pod", 8080, .echo())
        let next = tunnels.connect()
        try await next.send("hello")
        #expect(try await next.read(5) == Array("hello".utf8))
    }

    @Test(
        "C9: what is cut within an answer never looks like an end, and the next connection works",
        arguments: [
            PortForwardServer.Play.cut(after: 1000), .end(after: 1000), .close(after: 1000, 1000),
            .close(after: 1000, 1006), .reset(after: 1000), .error(after: 1000, "connection reset by peer"),
        ], Kind.allCases)
    func cut(play: PortForwardServer.Play, kind: Kind) async throws {
        let server = try await server(kind)
        server.play("my-pod", 8080, play)
        server.play("my-pod", 8081, .echo())
        let tunnels = try TestTunnels(server.port)
        let client = tunnels.connect()
        let answer = try await client.read(1000)
        #expect(answer == PortForwardServer.pattern(1000))
        #expect(await eventually { client.isBroken })
        // The pair stays open until the relay has taken notice.
        await #expect(throws: ScriptError.self) { try await client.read(1, within: .milliseconds(50)) }
        let next = tunnels.connect("my-pod", 8081)
        try await next.send("hello")
        #expect(try await next.read(5) == Array("hello".utf8))
        #expect(tunnels.problems.first?.text != nil)
    }

    @Test(
        "C9: what is cut before the first byte is taken back",
        arguments: [
            PortForwardServer.Play.cut(after: 0), .end(after: 0), .close(after: 0, 1006), .goAway, .reset(after: 0),
        ], Kind.allCases)
    func cutEarly(play: PortForwardServer.Play, kind: Kind) async throws {
        let server = try await server(kind)
        server.play("my-pod", 8080, play)
        let tunnels = try TestTunnels(server.port)
        let client = tunnels.connect()
        let withdrawal = try #require(await client.withdrawal())
        #expect(withdrawal.said.isEmpty)
    }

    @Test("What was said to a pod that took the connection is not said to another", arguments: Kind.allCases)
    func notTwice(kind: Kind) async throws {
        let server = try await server(kind)
        server.play("my-pod", 8080, .silence)
        let tunnels = try TestTunnels(server.port)
        let client = tunnels.connect()
        try await client.send("hello")
        #expect(await eventually { server.notes.contains(.stream(pod: "my-pod", port: 8080)) })
        try await Task.sleep(for: .milliseconds(100))
        await server.resetConnections()
        #expect(await eventually { client.isBroken })
    }

    @Test("A line that died while it was free is replaced, and nobody notices", arguments: Kind.allCases)
    func stale(kind: Kind) async throws {
        let server = try await server(kind)
        server.play("my-pod", 8080, .echo())
        server.play("my-pod", 8081, .cut(after: 0))
        let tunnels = try TestTunnels(server.port)
        for _ in 0..<5 {
            let client = tunnels.connect()
            try await client.send("hello")
            try await client.endSending()
            #expect(try await client.readText() == "hello")
            // Not in the middle of making one.
            #expect(await eventually { server.requests.count == server.connectionCount })
            await server.resetConnections()
        }
        #expect(tunnels.problems.isEmpty)
    }

    @Test(
        "C14: a server that answers no pings is given up, and the next connection has another", arguments: Kind.allCases
    )
    func unanswered(kind: Kind) async throws {
        let server = try await server(kind)
        server.play("my-pod", 8080, .echo())
        let tunnels = try TestTunnels(server.port) { $0.pinging = Pinging(every: .milliseconds(40), most: 3) }
        let client = tunnels.connect()
        try await client.send("hello")
        #expect(try await client.read(5).count == 5)
        #expect(await eventually { server.notes.filter { $0 == .ping }.count > 6 })
        #expect(!client.isBroken)
        server.ignorePings()
        #expect(await eventually { client.isBroken })
        let next = tunnels.connect()
        try await next.send("hello")
        #expect(try await next.read(5).count == 5)
    }

    @Test("Short connections follow each other by a few lines", arguments: Kind.allCases)
    func short(kind: Kind) async throws {
        let server = try await server(kind)
        server.play("my-pod", 8080, .echo())
        let tunnels = try TestTunnels(server.port)
        let failures = Locked(0)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    for index in 0..<250 {
                        do {
                            let client = tunnels.connect()
                            try await client.send("request \(index)")
                            try await client.endSending()
                            let answer = try await client.readText()
                            if answer != "request \(index)" { throw ScriptError(answer) }
                            if client.count > 1 { throw ScriptError("taken back") }
                        } catch {
                            failures.withLock { $0 += 1 }
                        }
                    }
                }
            }
        }
        #expect(failures.withLock { $0 } == 0)
        #expect(server.connectionCount < 30)
        #expect(tunnels.problems.isEmpty)
    }

    @Test("Lines that nobody uses are closed after a while, and none is kept beyond a few")
    func expiry() async throws {
        let server = try await server()
        server.play("my-pod", 8080, .echo())
        let tunnels = try TestTunnels(server.port) { ($0.idle, $0.extraIdle) = (.seconds(1), .milliseconds(100)) }
        let clients = (0..<10).map { _ in tunnels.connect() }
        for client in clients {
            try await client.send("hello")
            #expect(try await client.read(5).count == 5)
            try await client.endSending()
        }
        for client in clients { #expect(try await client.read() == []) }
        #expect(await eventually { server.openConnections <= LineBook.mostFree })
        #expect(await eventually { server.openConnections == 0 })
    }

    @Test("A shutdown breaks what is under way, closes all lines, and refuses what comes")
    func shutdown() async throws {
        let server = try await server()
        server.play("my-pod", 8080, .echo())
        let tunnels = try TestTunnels(server.port)
        let client = tunnels.connect()
        try await client.send("hello")
        #expect(try await client.read(5).count == 5)
        tunnels.tunnels.shutdown()
        #expect(await eventually { client.isBroken })
        #expect(await eventually { server.openConnections == 0 })
        #expect(await tunnels.connect().failure() == ECANCELED)
    }

    @Test("A server that is not there, silent or no server is told as such")
    func unreachable() async throws {
        let refusing = try RefusingPort()
        let absent = try TestTunnels(refusing.port)
        #expect(await absent.connect().failure() == ENETUNREACH)
        #expect(absent.problems.first?.text?.contains("connection refused") == true)
        let server = try await PortForwardServer()
        server.obstruct(.end)
        let ended = try TestTunnels(server.port)
        #expect(await ended.connect().failure() == ECONNRESET)
    }
}
