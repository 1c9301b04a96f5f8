import APITestSupport
import NIOCore
import TestSupport
import Testing

@testable import KubernetesAPI

@Suite("Upgrades of connections with an API server", .requires(.tool("openssl")))
struct UpgradeTests {
    private let switching = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n"
    private let request = UpgradeRequest(
        .get, "/api/v1/x?a=%20b&c", headers: [("Connection", "Upgrade"), ("Upgrade", "echo")])

    private func client(
        of port: UInt16, secure: Bool = true, credentials: TestCredentials? = nil, host: String = "127.0.0.1",
        _ change: (inout ClusterAccess) -> Void = { _ in }
    ) async throws -> UpgradeClient {
        var access = ClusterAccess(
            origin: "a test", server: ServerURL(isSecure: secure, host: host, port: port, path: "/base"))
        change(&access)
        let held: TestCredentials
        if let credentials {
            held = credentials
        } else {
            held = TestCredentials(token: "secret", tls: try await trust())
        }
        return try UpgradeClient(access, credentials: held, version: "1.2.3", environment: [:])
    }

    private func server(
        secure: Bool = true, _ answer: @escaping @Sendable (ReceivedRequest) -> UpgradeServer.Answer
    ) async throws -> UpgradeServer {
        try await UpgradeServer(identity: secure ? try await Authority.server.value : nil, answer: answer)
    }

    @Sendable
    private func nothing(_ connection: UpgradedConnection) {}

    private func refusal(_ answer: UpgradeAnswer) throws -> UpgradeRefusal {
        guard case .refused(let refusal) = answer else { throw ScriptError("upgraded") }
        return refusal
    }

    private func connection(_ answer: UpgradeAnswer) throws -> UpgradedConnection {
        guard case .upgraded(let connection) = answer else { throw ScriptError("\(answer)") }
        return connection
    }

    @Test("Both directions work, from the byte behind the head on", arguments: [true, false])
    func upgrade(secure: Bool) async throws {
        let head = switching
        let server = try await server(secure: secure) { _ in
            .upgrade(Array((head + "first ").utf8)) { try $0.pipeline.syncOperations.addHandler(Echo()) }
        }
        let heard = Heard()
        let client = try await client(of: server.port, secure: secure)
        let connection = try connection(try await client.send(request, prepare: heard.listen))
        #expect(connection.header("upgrade") == "echo")
        try await connection.channel.writeAndFlush(ByteBuffer(string: "second"))
        #expect(await eventually { heard.text == "first second" })

        let received = try #require(server.requests.first)
        #expect(received.target == "/base/api/v1/x?a=%20b&c")
        #expect(received.header("host") == "127.0.0.1:\(server.port)")
        #expect(received.header("user-agent")?.hasPrefix("portico/1.2.3") == true)
        #expect(received.header("authorization") == (secure ? "Bearer secret" : nil))
        #expect(received.header("transfer-encoding") == nil)
        connection.cut()
        #expect(await eventually { server.openConnections == 0 })
    }

    @Test("Nothing is lost of what comes right behind the head, nor an end that comes at once")
    func early() async throws {
        let head = switching
        let server = try await server { _ in
            .bytes([Array(head.utf8)] + (0..<50).map { Array("\($0) ".utf8) }, closes: true)
        }
        let heard = Heard()
        _ = try connection(try await client(of: server.port).send(request, prepare: heard.listen))
        #expect(await eventually { heard.hasEnded })
        #expect(heard.text == (0..<50).map { "\($0) " }.joined())
    }

    @Test("A head that comes byte by byte, after one that informs")
    func bytewise() async throws {
        let head = "HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n" + switching + "tail"
        let server = try await server { _ in .bytes(head.utf8.map { [$0] }, closes: false) }
        let heard = Heard()
        let connection = try connection(try await client(of: server.port).send(request, prepare: heard.listen))
        #expect(await eventually { heard.text == "tail" })
        connection.cut()
    }

    @Test("A refusal is an answer, in the server's words, and the connection is closed")
    func refused() async throws {
        let text = #"{"kind":"Status","message":"pods \"x\" not found","code":404}"#
        let server = try await server { _ in
            let head = "HTTP/1.1 404 Not Found\r\nContent-Length: \(text.utf8.count)\r\nA: b\r\n\r\n"
            return .bytes([Array((head + text).utf8)], closes: false)
        }
        let refusal = try refusal(try await client(of: server.port).send(request, prepare: nothing))
        #expect(refusal.status == 404)
        #expect(refusal.header("a") == "b")
        #expect(refusal.words == #"404 (pods "x" not found)"#)
        #expect(await eventually { server.openConnections == 0 })
    }

    @Test("Of an endless refusal the first 64 KiB count, of one that breaks off what has come")
    func longRefusals() async throws {
        let head = Array("HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n".utf8)
        let chunk = Array("1000\r\n".utf8) + [UInt8](repeating: 97, count: 4096) + Array("\r\n".utf8)
        let endless = try await server { _ in .bytes([head] + [[UInt8]](repeating: chunk, count: 100), closes: false) }
        #expect(try refusal(try await client(of: endless.port).send(request, prepare: nothing)).body.count == 64 << 10)
        let broken = try await server { _ in .bytes([head, chunk], closes: true) }
        #expect(try refusal(try await client(of: broken.port).send(request, prepare: nothing)).body.count == 4096)
    }

    @Test("A token that is refused is renewed once, and nobody sees it")
    func renewed() async throws {
        let head = switching
        let server = try await server { request in
            request.header("authorization") == "Bearer new"
                ? .bytes([Array(head.utf8)], closes: false)
                : .bytes([Array("HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n".utf8)], closes: false)
        }
        let credentials = TestCredentials(token: "old", tls: try await trust())
        credentials.renewWhenRefused(token: "new")
        let client = try await client(of: server.port, credentials: credentials)
        var post = request
        post.method = .post
        let connection = try connection(try await client.send(post, prepare: nothing))
        #expect(server.requests.map(\.method) == ["POST", "POST"])
        #expect(server.requests.last?.header("content-length") == "0")
        #expect(credentials.refusals == 1)
        connection.cut()

        let hopeless = TestCredentials(token: "old", tls: try await trust())
        let refused = try await self.client(of: server.port, credentials: hopeless)
        #expect(try refusal(try await refused.send(request, prepare: nothing)).status == 401)
    }

    @Test("By a proxy of each kind", arguments: [ProxyURL.Scheme.http, .https, .socks5])
    func proxies(scheme: ProxyURL.Scheme) async throws {
        let head = switching
        let identity = try await Authority.shared.value.server(["DNS:api.invalid"])
        let server = try await UpgradeServer(identity: identity) { _ in .bytes([Array(head.utf8)], closes: false) }
        let proxy = try await ScriptedProxy(
            scheme == .socks5 ? .socks5 : .http, identity: scheme == .https ? try await Authority.server.value : nil,
            login: "jo:pass", target: server.port)
        let client = try await client(of: 6443, host: "api.invalid") { access in
            var url = ProxyURL(scheme, host: scheme == .https ? "localhost" : "127.0.0.1", port: proxy.port)
            (url.user, url.password) = ("jo", "pass")
            access.proxy = url
        }
        let connection = try connection(try await client.send(request, prepare: nothing))
        #expect(proxy.requests.count == 1)
        #expect(server.requests.first?.header("authorization") == "Bearer secret")
        connection.cut()
    }

    @Test("What is no answer is told with the server's name")
    func noAnswers() async throws {
        func error(_ answer: UpgradeServer.Answer) async throws -> String {
            let server = try await server { _ in answer }
            let client = try await client(of: server.port)
            let error = try await apiError { () throws(APIError) in
                _ = try await client.send(request, prepare: nothing)
            }
            #expect(await eventually { server.openConnections == 0 })
            return "\(error)".replacing("https://127.0.0.1:\(server.port)/base: ", with: "")
        }
        #expect(try await error(.bytes([], closes: true)) == "the connection was closed without an answer")
        #expect(try await error(.bytes([Array("SSH-2.0\r\n\r\n".utf8)], closes: false)) == "the answer is not HTTP")
        let endless = Array("HTTP/1.1 101 ".utf8) + [UInt8](repeating: 97, count: 2 << 20)
        #expect(try await error(.bytes([endless], closes: false)).contains("too large"))
        let many = Array("HTTP/1.1 101 A\r\n".utf8) + [UInt8]((0..<20_000).flatMap { Array("a\($0): b\r\n".utf8) })
        #expect(try await error(.bytes([many], closes: false)).contains("too large"))
        #expect(try await error(.bytes([Array("HTTP/1.1 999999 A\r\n\r\n".utf8)], closes: false)).contains("HTTP"))
    }

    @Test("Whoever gives up closes the connection")
    func cancelled() async throws {
        let server = try await server { _ in .silence }
        let client = try await client(of: server.port)
        let task = Task { try await client.send(request, prepare: nothing) }
        #expect(await eventually { server.requests.count == 1 })
        task.cancel()
        await #expect(throws: APIError.cancelled) { try await task.value }
        #expect(await eventually { server.openConnections == 0 })
    }

    @Test("A line feed in a header or the target never gets to the server")
    func injection() async throws {
        let server = try await server { _ in .silence }
        let client = try await client(of: server.port)
        for bad in [
            UpgradeRequest(.get, "/a b", headers: []), UpgradeRequest(.get, "/a\r\nX: y", headers: []),
            UpgradeRequest(.get, "/a", headers: [("A", "b\r\nX: y")]),
            UpgradeRequest(.get, "/a", headers: [("A\nB", "c")]),
        ] {
            await #expect(throws: APIError.self) { try await client.send(bad, prepare: nothing) }
        }
        #expect(server.requests.isEmpty)
    }
}

/// What a handler has heard.
private final class Heard: Sendable {
    private let state = Locked((text: "", hasEnded: false))
    var text: String { state.withLock { $0.text } }
    var hasEnded: Bool { state.withLock { $0.hasEnded } }

    @Sendable
    func listen(to connection: UpgradedConnection) throws {
        try connection.channel.pipeline.syncOperations.addHandler(Listener(self))
    }

    private final class Listener: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let heard: Heard
        init(_ heard: Heard) { self.heard = heard }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let text = String(buffer: unwrapInboundIn(data))
            heard.state.withLock { $0.text += text }
        }

        func channelInactive(context: ChannelHandlerContext) { heard.state.withLock { $0.hasEnded = true } }
        func errorCaught(context: ChannelHandlerContext, error: any Error) {}
    }
}

private final class Echo: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.writeAndFlush(data, promise: nil) }
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
