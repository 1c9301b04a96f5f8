internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import TestSupport

/// A proxy on 127.0.0.1, for HTTP (`CONNECT`) or SOCKS5, that connects to where it is asked to, or wherever the test wants.
public final class ScriptedProxy: Sendable {
    public enum Kind: Sendable {
        case http
        case socks5
    }

    public let port: UInt16
    private let listener: any Channel
    private let log: Locked<[String]>

    /// What it was asked for: the head of each `CONNECT`, or `HOST:PORT` by SOCKS, after `USER:PASSWORD ` if there was a login.
    public var requests: [String] { log.withLock { $0 } }

    /// - Parameters:
    ///   - identity: for TLS between client and proxy.
    ///   - login: what a client has to present: `USER:PASSWORD`.
    ///   - target: the port of 127.0.0.1 to connect to, whatever was asked for; nil to refuse everybody.
    public init(
        _ kind: Kind, identity: TestAuthority.Pair? = nil, login: String? = nil, target: UInt16?
    ) async throws {
        let log = Locked<[String]>([])
        var context: NIOSSLContext?
        if let identity {
            context = try NIOSSLContext(
                configuration: .makeServerConfiguration(
                    certificateChain: try NIOSSLCertificate.fromPEMBytes(identity.certificate).map { .certificate($0) },
                    privateKey: .privateKey(try NIOSSLPrivateKey(bytes: identity.key, format: .pem))))
        }
        let tls = context
        listener = try await ServerBootstrap(group: testEventLoops)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    try channel.pipeline.syncOperations.addHandler(
                        ProxyHandler(kind, login: login, target: target) { line in log.withLock { $0.append(line) } })
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = UInt16(listener.localAddress?.port ?? 0)
        self.log = log
    }

    deinit { listener.close(promise: nil) }
}

/// One client of the proxy: first its request, then bytes there and back.
private final class ProxyHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let kind: ScriptedProxy.Kind
    private let login: String?
    private let target: UInt16?
    private let log: (String) -> Void
    private var input: [UInt8] = []
    private var socksPhase = 0
    private var presented = ""
    private var peer: (any Channel)?

    init(_ kind: ScriptedProxy.Kind, login: String?, target: UInt16?, log: @escaping (String) -> Void) {
        (self.kind, self.login, self.target, self.log) = (kind, login, target, log)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let buffer = unwrapInboundIn(data)
        if let peer { return peer.writeAndFlush(buffer, promise: nil) }
        input += Array(buffer.readableBytesView)
        switch kind {
        case .http: readConnect(context)
        case .socks5: readSOCKS(context)
        }
    }

    func channelInactive(context: ChannelHandlerContext) { peer?.close(promise: nil) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    private func readConnect(_ context: ChannelHandlerContext) {
        let text = String(decoding: input, as: UTF8.self)
        guard text.hasSuffix("\r\n\r\n") else { return }
        input = []
        log(text)
        let expected = login.map { "\r\nProxy-Authorization: Basic \(base64(Array($0.utf8)))\r\n" }
        if let expected, !text.contains(expected) {
            return send("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n", context)
        }
        guard let target else { return send("HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n", context) }
        connect(to: target, context, then: Array("HTTP/1.1 200 Connection established\r\n\r\n".utf8))
    }

    private func readSOCKS(_ context: ChannelHandlerContext) {
        switch socksPhase {
        case 0 where input.count >= 2 && input.count >= 2 + Int(input[1]):
            input = []
            socksPhase = login == nil ? 2 : 1
            send([5, login == nil ? 0 : 2], context)
        case 1 where input.count >= 2:
            let user = String(decoding: input.dropFirst(2).prefix(Int(input[1])), as: UTF8.self)
            let password = String(decoding: input.dropFirst(3 + Int(input[1])), as: UTF8.self)
            input = []
            presented = "\(user):\(password) "
            socksPhase = 2
            send([1, "\(user):\(password)" == login ? 0 : 1], context)
        case 2 where input.count >= 7:
            let (kind, rest) = (input[3], input.dropFirst(4))
            let port = input.suffix(2).reduce(0) { $0 << 8 | Int($1) }
            let host =
                kind == 3
                ? String(decoding: rest.dropFirst().dropLast(2), as: UTF8.self)
                : rest.dropLast(2).map(String.init).joined(separator: ".")
            input = []
            log("\(presented)\(host):\(port)")
            guard let target else { return send([5, 2, 0, 1, 0, 0, 0, 0, 0, 0], context) }
            connect(to: target, context, then: [5, 0, 0, 1, 127, 0, 0, 1, 0, 1])
        default: break
        }
    }

    private func connect(to port: UInt16, _ context: ChannelHandlerContext, then answer: [UInt8]) {
        let (client, own) = (context.channel, NIOLoopBound(self, eventLoop: context.eventLoop))
        ClientBootstrap(group: context.eventLoop)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(BackHandler(client))
                }
            }
            .connect(host: "127.0.0.1", port: Int(port))
            .whenComplete { result in
                guard case .success(let channel) = result else { return client.close(promise: nil) }
                own.value.peer = channel
                client.writeAndFlush(ByteBuffer(bytes: answer), promise: nil)
            }
    }

    private func send(_ text: String, _ context: ChannelHandlerContext) { send(Array(text.utf8), context) }

    private func send(_ bytes: [UInt8], _ context: ChannelHandlerContext) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
    }
}

/// The way back from the server to the proxy's client.
private final class BackHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let client: any Channel

    init(_ client: any Channel) { self.client = client }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        client.writeAndFlush(unwrapInboundIn(data), promise: nil)
    }

    func channelInactive(context: ChannelHandlerContext) { client.close(promise: nil) }
}
