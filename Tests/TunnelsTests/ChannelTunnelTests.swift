import APITestSupport
import Glibc
import NIOCore
import TestSupport
import Testing

@testable import Tunnels

@Suite("Connections with pods by the channels of a WebSocket")
struct ChannelTunnelTests {
    private let data = PortForwardServer.pattern(300_000)

    private func tunnels(
        _ port: UInt16, _ change: (inout PodTunnels.Settings) -> Void = { _ in }
    ) throws -> TestTunnels {
        try TestTunnels(port) { settings in
            settings.choice = .channels
            change(&settings)
        }
    }

    /// A server that says these bytes after the upgrade, whatever it hears, and then closes the connection.
    private func server(_ bytes: [UInt8], closes: Bool = false) async throws -> UpgradeServer {
        try await UpgradeServer { request in
            let head = PortForwardServer.head(for: request, subprotocol: PortForwardServer.channels)
            return .upgrade(Array(head.utf8)) { channel in
                channel.write(ByteBuffer(bytes: bytes), promise: nil)
                if closes {
                    channel.writeAndFlush(ByteBuffer(), promise: nil)
                    channel.close(promise: nil)
                }
            }
        }
    }

    @Test("Bytes go both ways, each connection by a WebSocket made for it", arguments: [false, true])
    func echo(splits: Bool) async throws {
        let server = try await PortForwardServer()
        server.play("my-pod", 8080, .echo())
        if splits { server.splitMessages() }
        let tunnels = try tunnels(server.port)
        let said = splits ? Array(data.prefix(3000)) : data
        for count in 1...3 {
            let client = tunnels.connect()
            async let answer = client.read(said.count)
            try await client.send(said)
            #expect(try await answer == said)
            #expect(server.connectionCount == count)
            try await client.close()
        }
        #expect(tunnels.problems.isEmpty)
        #expect(server.requests.allSatisfy { $0.header("sec-websocket-protocol") == "v4.channel.k8s.io" })
        #expect(
            server.requests.allSatisfy {
                $0.method == "GET" && $0.target == "/api/v1/namespaces/default/pods/my-pod/portforward?ports=8080"
            })
        #expect(await eventually { server.openConnections == 0 })
        #expect(server.notes.count { $0 == .close(1000) } == 3)
    }

    @Test("C18: a text on the error channel is a refusal of that port and of no other")
    func ports() async throws {
        let server = try await PortForwardServer()
        server.play("my-pod", 8081, .echo())
        let tunnels = try tunnels(server.port)
        let other = tunnels.connect("my-pod", 8081)
        try await other.send("hello ")
        #expect(try await other.read(6).count == 6)
        for isAtEnd in [false, true] {
            let refused = tunnels.connect("my-pod", 81)
            try await refused.send("GET / HTTP/1.1\r\n")
            if isAtEnd { try await refused.endSending() }
            let withdrawal = try #require(await refused.withdrawal())
            #expect(withdrawal.0 == ECONNREFUSED)
            #expect(withdrawal.said == Array("GET / HTTP/1.1\r\n".utf8))
            #expect(withdrawal.isAtEnd == isAtEnd)
        }
        #expect(tunnels.problems.count == 1)
        #expect(tunnels.problems.first?.pod.port == 81)
        #expect(tunnels.problems.first?.text?.hasPrefix("nothing listens on port 81") == true)
        try await other.send("again")
        #expect(try await other.read(5) == Array("again".utf8))
        #expect(!other.isBroken)
    }

    @Test("A refusal right behind the upgrade is heard, though nobody listened yet, and however the connection ends")
    func early() async throws {
        let text = "error forwarding port 8080 to pod 1, uid : failed to connect to localhost:8080: connection refused"
        var writer = WebSocketWriter(isClient: false)
        let messages: [[UInt8]] = [[0, 0x90, 0x1F], [1, 0x90, 0x1F], [1] + Array(text.utf8)]
        let bytes = messages.flatMap { Array(writer.binary($0).readableBytesView) }
        for ending in [Array(writer.close(1000).readableBytesView), Array(writer.close(1011).readableBytesView), []] {
            let server = try await server(bytes + ending, closes: true)
            let tunnels = try tunnels(server.port)
            let client = tunnels.connect()
            let withdrawal = try #require(await client.withdrawal())
            #expect(withdrawal.0 == ECONNREFUSED)
            #expect(tunnels.problems.count == 1)
            #expect(tunnels.problems.first?.text?.hasPrefix("nothing listens on port 8080") == true)
            #expect(server.connectionCount == 1)
        }
        // With nothing to be heard the end itself is the reason.
        let server = try await server(Array(bytes.prefix(10)), closes: true)
        let tunnels = try tunnels(server.port)
        #expect(await tunnels.connect().withdrawal()?.0 == ECONNRESET)
    }

    @Test("A pod that speaks first and ends at once is heard to its end, though nobody listened yet")
    func earlyEnd() async throws {
        var writer = WebSocketWriter(isClient: false)
        let messages: [[UInt8]] = [[0, 0x90, 0x1F], [1, 0x90, 0x1F], [0] + Array("220 hello\r\n".utf8)]
        let bytes = messages.flatMap { Array(writer.binary($0).readableBytesView) }
        let server = try await server(bytes + Array(writer.close(1000).readableBytesView), closes: true)
        let tunnels = try tunnels(server.port)
        for _ in 0..<10 {
            let client = tunnels.connect()
            #expect(try await client.readText() == "220 hello\r\n")
            #expect(client.count == 1)
        }
        #expect(tunnels.problems.isEmpty)
        tunnels.tunnels.shutdown()
        #expect(await eventually { server.openConnections == 0 })
    }

    @Test("Large transfers both ways, and a pod that says all at once and ends")
    func large() async throws {
        let server = try await PortForwardServer()
        server.play("my-pod", 8080, .echo())
        server.play("my-pod", 8081, .source(5_000_000))
        server.play("my-pod", 8082, .source(0))
        let tunnels = try tunnels(server.port)
        let much = PortForwardServer.pattern(5_000_000)
        let echo = tunnels.connect()
        async let answer = echo.read(much.count)
        try await echo.send(much)
        #expect(try await answer == much)
        #expect(try await tunnels.connect("my-pod", 8081).read() == much)
        let empty = tunnels.connect("my-pod", 8082)
        #expect(try await empty.read() == [])
        #expect(empty.count == 1)
        #expect(tunnels.problems.isEmpty)
    }

    @Test("C7: a reader that stalls holds up nobody, and then gets every byte")
    func stalled() async throws {
        let server = try await PortForwardServer()
        server.play("my-pod", 8080, .source(12 << 20))
        server.play("my-pod", 8081, .echo())
        // Shorter than it stalls: silence that is the client's is none of the pod's.
        let tunnels = try tunnels(server.port) { settings in
            settings.pinging = Pinging(every: .milliseconds(400), most: 3)
            settings.patience.silence = .seconds(1)
        }
        let stalled = tunnels.connect()
        #expect(try await stalled.read(10) == PortForwardServer.pattern(10))
        try await stalled.endSending()
        let other = tunnels.connect("my-pod", 8081)
        for round in 0..<30 {
            try await other.send("round \(round) ")
            #expect(try await other.read("round \(round) ".utf8.count).count == "round \(round) ".utf8.count)
        }
        // Long enough for many pings to stay unread.
        try await Task.sleep(for: .seconds(2))
        #expect(!stalled.isBroken)
        let rest = try await stalled.read(within: .seconds(60))
        #expect(!stalled.isBroken)
        #expect(rest.count == (12 << 20) - 10)
        #expect(rest.suffix(1000) == PortForwardServer.pattern(1000, from: (12 << 20) - 1000)[...])
        #expect(tunnels.problems.isEmpty)
    }

    @Test(
        "C9: what is cut within an answer never looks like an end",
        arguments: [
            PortForwardServer.Play.cut(after: 1000), .end(after: 1000), .close(after: 1000, 1001), .reset(after: 1000),
            .error(after: 1000, "connection reset by peer"),
        ])
    func cut(play: PortForwardServer.Play) async throws {
        let server = try await PortForwardServer()
        server.play("my-pod", 8080, play)
        let tunnels = try tunnels(server.port)
        let client = tunnels.connect()
        // What is reset at once may be dead before anybody could listen.
        if case .cut = play, await client.failure() != nil { return }
        #expect(try await client.read(1000) == PortForwardServer.pattern(1000))
        #expect(await eventually { client.isBroken })
        // The pair stays open until the relay has taken notice.
        await #expect(throws: ScriptError.self) { try await client.read(1, within: .milliseconds(50)) }
        #expect(tunnels.problems.first?.text != nil)
    }

    @Test("C8: a port that is never acknowledged is taken back within its time")
    func deaf() async throws {
        let server = try await PortForwardServer()
        server.play("my-pod", 8080, .deafness)
        let tunnels = try tunnels(server.port) { $0.patience.acknowledgement = .milliseconds(300) }
        let client = tunnels.connect()
        try await client.send("hello")
        let withdrawal = try #require(await client.withdrawal())
        #expect(withdrawal.0 == ETIMEDOUT)
        #expect(withdrawal.said == Array("hello".utf8))
        #expect(await eventually { server.openConnections == 0 })
    }

    @Test("C6: a client that goes within a download closes the WebSocket, and nothing is left")
    func vanishing() async throws {
        let server = try await PortForwardServer()
        server.play("my-pod", 8080, .endlessSource)
        let tunnels = try tunnels(server.port)
        let client = tunnels.connect()
        #expect(try await client.read(1_000_000).count == 1_000_000)
        try await client.close()
        #expect(await eventually { server.openConnections == 0 })
    }

    @Test("A client's end is not passed on: the pod is heard while it speaks, and after a silence both are cut")
    func halfClosed() async throws {
        let server = try await PortForwardServer()
        server.play("my-pod", 8080, .echo())
        server.play("my-pod", 8081, .silence)
        server.play("my-pod", 8082, .source(1000))
        let tunnels = try tunnels(server.port) { settings in
            settings.patience.silence = .seconds(1)
            settings.patience.refusal = .milliseconds(100)
        }
        let client = tunnels.connect()
        try await client.send("hello")
        try await client.endSending()
        #expect(try await client.read(5) == Array("hello".utf8))
        // No end comes, though by other protocols it would have: the pod knows of none.
        await #expect(throws: ScriptError.self) { try await client.read(1, within: .milliseconds(200)) }
        #expect(!client.isBroken && server.openConnections == 1)
        #expect(await eventually { client.isBroken })
        #expect(await eventually { server.openConnections == 0 })
        #expect(server.notes.contains(.close(1000)))
        #expect(tunnels.problems.isEmpty, "it may just have gone")

        let unheard = tunnels.connect("my-pod", 8081)
        try await unheard.send("hello")
        try await unheard.endSending()
        #expect(await eventually { unheard.isBroken })
        #expect(tunnels.problems.first?.text?.contains("cannot be told by channels that its client has ended") == true)

        let served = tunnels.connect("my-pod", 8082)
        try await served.endSending()
        #expect(try await served.read() == PortForwardServer.pattern(1000))
        #expect(!served.isBroken)
    }

    @Test("C14: a server that answers no pings is given up")
    func unanswered() async throws {
        let server = try await PortForwardServer()
        server.play("my-pod", 8080, .echo())
        let tunnels = try tunnels(server.port) { $0.pinging = Pinging(every: .milliseconds(40), most: 3) }
        let client = tunnels.connect()
        try await client.send("hello")
        #expect(try await client.read(5).count == 5)
        #expect(await eventually { server.notes.filter { $0 == .ping }.count > 6 })
        #expect(!client.isBroken)
        server.ignorePings()
        #expect(await eventually { client.isBroken })
    }

    @Test(
        "What is no port-forward of this port ends the connection, and the client goes elsewhere with what it has said",
        arguments: [
            [0x82, 3, 0, 0x91, 0x1F],  // another port
            [0x82, 3, 1, 0, 0],
            [0x82, 1, 2],  // another channel
            [0x81, 3, 48, 107, 66],  // the form in text
            [0x88, 2, 0x03, 0xE8],  // an end before the beginning
            [0x82, 3, 0, 0x90, 0x1F, 0x88, 2, 0x03, 0xF3], [0xFF, 0xFF],
        ] as [[UInt8]])
    func nonsense(bytes: [UInt8]) async throws {
        let server = try await server(bytes)
        let tunnels = try tunnels(server.port)
        let client = tunnels.connect()
        if await client.failure() == nil { #expect(await client.withdrawal() != nil) }
        #expect(server.connectionCount < 10)
        tunnels.tunnels.shutdown()
        #expect(await eventually { server.openConnections == 0 })
    }

    @Test("Nothing is left open, however connections end", .timeLimit(.minutes(2)))
    func descriptors() async throws {
        let server = try await PortForwardServer()
        server.play("my-pod", 8080, .echo())
        server.play("my-pod", 8082, .cut(after: 10))
        server.play("my-pod", 8083, .source(10))
        server.play("my-pod", 8084, .endlessSource)
        func use() async throws {
            let tunnels = try tunnels(server.port)
            for _ in 0..<10 {
                let clients = [8080, 81, 8082, 8083, 8084].map { tunnels.connect("my-pod", UInt16($0)) }
                for client in clients { try? await client.send("hello") }
                #expect(try await clients[0].read(5).count == 5)
                #expect(await clients[1].withdrawal() != nil)
                #expect(await eventually { clients[2].isLost })
                #expect(try await clients[3].read().count == 10)
                _ = try? await clients[4].read(100_000)
            }
            tunnels.tunnels.shutdown()
            #expect(await eventually { server.openConnections == 0 })
        }
        // Threads and tables are made once.
        try await use()
        let before = Descriptors.open()
        try await use()
        #expect(await eventually { Descriptors.open() <= before })
    }

    @Test(
        "What is wanted is asked for, and nothing else; a refusal says so",
        arguments: [
            (TunnelProtocol.websocket, "SPDY/3.1+portforward.k8s.io"), (.spdy, nil), (.channels, "v4.channel.k8s.io"),
        ] as [(TunnelProtocol, String?)])
    func only(choice: TunnelProtocol, subprotocol: String?) async throws {
        let server = try await PortForwardServer()
        server.play("my-pod", 8080, .echo())
        let tunnels = try TestTunnels(server.port) { $0.choice = choice }
        let client = tunnels.connect()
        try await client.send("hello")
        #expect(try await client.read(5) == Array("hello".utf8))
        for obstacle in [PortForwardServer.Obstacle.status(400, "no\n"), .otherProtocol] {
            server.clearTheWay()
            server.obstruct(obstacle)
            let refused = try TestTunnels(server.port) { $0.choice = choice }
            #expect(await refused.connect().failure() != nil)
            #expect(
                refused.problems.first?.text?.contains("no other protocol than \(choice.rawValue) was to be tried")
                    == true)
        }
        #expect(server.requests.allSatisfy { $0.header("sec-websocket-protocol") == subprotocol })
        #expect(server.requests.allSatisfy { $0.method == (choice == .spdy ? "POST" : "GET") })
    }
}
