import APITestSupport
import NIOCore
import TestSupport
import Testing

@testable import APIProxy

@Suite("Upgrades through the proxy")
struct UpgradeTests {
    private static let switching =
        "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: SPDY/3.1\r\n\r\n"
    private let request =
        "POST /api/v1/namespaces/d/pods/x/portforward HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
        + "Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: portforward.k8s.io\r\nContent-Length: 0\r\n\r\n"

    private func server(
        secure: Bool = false, _ begin: @escaping @Sendable (any Channel) throws -> Void
    ) async throws -> UpgradeServer {
        let head = Array((Self.switching + "hello ").utf8)
        return try await UpgradeServer(identity: secure ? try await Authority.server.value : nil) { _ in
            .upgrade(head, begin: begin)
        }
    }

    /// Sends back what comes, and ends when the other side ends.
    private final class Echo: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let says: String

        init(atEnd says: String) { self.says = says }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.writeAndFlush(data, promise: nil) }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            guard case .inputClosed = event as? ChannelEvent else { return }
            context.writeAndFlush(NIOAny(ByteBuffer(string: says)), promise: nil)
            context.close(mode: .output, promise: nil)
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    @Sendable
    private static func echo(_ channel: any Channel) throws {
        try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
        try channel.pipeline.syncOperations.addHandler(Echo(atEnd: " bye"))
    }

    private func answer(_ client: RawClient) -> String {
        client.text.firstRange(of: "\r\n\r\n").map { String(client.text[$0.upperBound...]) } ?? ""
    }

    @Test(
        "Raw bytes both ways, those at once too, and each half-close by itself", .requires(.tool("openssl")),
        arguments: [true, false])
    func upgraded(secure: Bool) async throws {
        let server = try await server(secure: secure, Self.echo)
        let rig = try await Rig(of: server.port, secure: secure)
        let client = try await rig.client()
        try await client.send(request + "early ")
        #expect(await eventually { answer(client) == "hello early " })
        #expect(client.text.hasPrefix("HTTP/1.1 101 Switching Protocols\r\n"))
        #expect(client.text.lowercased().contains("upgrade: spdy/3.1\r\n"))
        try await client.send("late")
        #expect(await eventually { answer(client) == "hello early late" })
        try await client.endOutput()
        #expect(await eventually { client.hasEnded })
        #expect(answer(client) == "hello early late bye")
        #expect(await eventually { server.openConnections == 0 })
        let received = try #require(server.requests.first)
        #expect(received.target == "/api/v1/namespaces/d/pods/x/portforward")
        #expect(received.header("x-stream-protocol-version") == "portforward.k8s.io")
        #expect(received.header("connection") == "Upgrade" && received.header("upgrade") == "SPDY/3.1")
        #expect(received.header("host") == "127.0.0.1:\(server.port)")
        #expect(received.header("authorization") == (secure ? "Bearer secret" : nil))
    }

    @Test("It may be the second request of a connection, and cut at every byte")
    func second() async throws {
        let server = try await server(Self.echo)
        let rig = try await Rig(of: server.port) { $0.placement = Placement(apiPrefix: "/", filePrefix: "/static") }
        let client = try await rig.client()
        try await client.send("GET /static/none HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(await eventually { client.text.hasSuffix("404 page not found\n") })
        for byte in (request + "x").utf8 { try await client.send([byte]) }
        #expect(await eventually { client.text.hasSuffix("\r\n\r\nhello x") })
    }

    @Test("The server ends first, and the client goes on speaking")
    func serverEnds() async throws {
        let heard = Locked("")
        let server = try await server { channel in
            try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
            try channel.pipeline.syncOperations.addHandler(Sink(heard))
            channel.eventLoop.execute { channel.close(mode: .output, promise: nil) }
        }
        let rig = try await Rig(of: server.port)
        let client = try await rig.client()
        try await client.send(request)
        #expect(await eventually { client.hasEnded })
        #expect(answer(client) == "hello ", "\(client.text)")
        try await client.send("still here")
        #expect(await eventually { heard.withLock { $0 } == "still here" })
        try await client.endOutput()
        #expect(await eventually { server.openConnections == 0 })
    }

    private final class Sink: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let heard: Locked<String>

        init(_ heard: Locked<String>) { self.heard = heard }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let text = String(buffer: unwrapInboundIn(data))
            heard.withLock { $0 += text }
        }
    }

    @Test("A reset on one side is one on the other", arguments: [true, false])
    func reset(byServer: Bool) async throws {
        let server = try await server(Self.echo)
        let rig = try await Rig(of: server.port)
        let client = try await rig.client()
        try await client.send(request)
        #expect(await eventually { answer(client) == "hello " })
        if byServer { await server.resetConnections() } else { await client.reset() }
        #expect(await eventually { server.openConnections == 0 })
        #expect(await eventually { client.isClosed })
    }

    @Test("Who does not read is not read for: nothing piles up, and nothing is lost")
    func backPressure() async throws {
        let server = try await server(Self.echo)
        let rig = try await Rig(of: server.port)
        let client = try await rig.client(reads: false, receiveBuffer: 1 << 17)
        try await client.send(request)
        let sent = Locked(0)
        let (piece, count) = ([UInt8](repeating: 0x63, count: 64 << 10), 512)
        let sending = Task {
            for _ in 0..<count {
                try await client.send(piece)
                sent.withLock { $0 += 1 }
            }
        }
        var before = -1
        while sent.withLock({ $0 }) != before {
            before = sent.withLock { $0 }
            try await Task.sleep(for: .milliseconds(200))
        }
        try await client.readOn()
        try await sending.value
        #expect(await eventually(within: .seconds(30)) { answer(client).utf8.count == 6 + piece.count * count })
    }

    @Test("A refusal comes back as it is, and closes the connection")
    func refused() async throws {
        let text = #"{"kind":"Status","code":403}"#
        let server = try await UpgradeServer { _ in
            let head =
                "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\nContent-Length: \(text.utf8.count)\r\n\r\n"
            return .bytes([Array((head + text).utf8)], closes: false)
        }
        let rig = try await Rig(of: server.port)
        let client = try await rig.client()
        try await client.send(request)
        #expect(await eventually { client.hasEnded })
        let answer = try RawAnswer(client.bytes)
        #expect(answer.status == 403 && answer.body == text && answer.header("content-type") == "application/json")
        #expect(answer.header("connection") == "close")
    }

    @Test("A refusal that is longer than is kept of it does not pass for whole")
    func longRefusal() async throws {
        let text = String(repeating: "x", count: 200 << 10)
        let server = try await UpgradeServer { _ in
            .bytes(
                [Array("HTTP/1.1 403 Forbidden\r\nContent-Length: \(text.utf8.count)\r\n\r\n\(text)".utf8)],
                closes: false)
        }
        let rig = try await Rig(of: server.port)
        let client = try await rig.client()
        try await client.send(request)
        #expect(await eventually { client.hasEnded || client.isClosed })
        #expect(client.text.hasPrefix("HTTP/1.1 403 "))
        let part = answer(client)
        // Neither is there a length that it would have reached, nor the end of its chunks.
        #expect(!client.text.lowercased().contains("content-length") && !part.hasSuffix("0\r\n\r\n"))
        #expect(part.utf8.count < text.utf8.count)
    }

    @Test("A server that is not there: 500; a client that goes meanwhile is not waited for")
    func unreachable() async throws {
        let server = try await UpgradeServer { _ in .silence }
        let rig = try await Rig(of: server.port)
        let impatient = try await rig.client()
        try await impatient.send(request)
        #expect(await eventually { server.requests.count == 1 })
        await impatient.reset()
        #expect(await eventually { server.openConnections == 0 })
        server.close()
        let client = try await rig.client()
        try await client.send(request)
        #expect(await eventually { client.hasEnded })
        #expect(client.text.hasPrefix("HTTP/1.1 500 "))
    }

    @Test("An upgrade that nobody knows is a request like any other")
    func unknownUpgrade() async throws {
        let server = try await ScriptedAPIServer()
        server.on("GET", "/x", .answer(200, "plain"))
        let rig = try await Rig(of: server.port)
        let client = try await rig.client()
        try await client.send(
            "GET /x HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: A\r\n\r\n"
        )
        #expect(await eventually { client.text.hasSuffix("plain") })
        #expect(try RawAnswer(client.bytes).body == "plain")
        #expect(!client.hasEnded)
    }

    @Test("A hundred at once")
    func many() async throws {
        let server = try await server(Self.echo)
        let rig = try await Rig(of: server.port)
        let clients = try await rig.clients(100)
        for (number, client) in clients.enumerated() { try await client.send(request + "<\(number)>") }
        for (number, client) in clients.enumerated() {
            #expect(await eventually { answer(client) == "hello <\(number)>" })
            try await client.endOutput()
        }
        #expect(await eventually { clients.allSatisfy(\.hasEnded) })
        #expect(await eventually { server.openConnections == 0 })
    }
}
