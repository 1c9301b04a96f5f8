public import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import TestSupport

/// A server of HTTP/1.1 on 127.0.0.1 that reads the head of one request by each connection and leaves all else, to the byte,
/// to a test: refusals, upgrades, and what is neither.
public final class UpgradeServer: Sendable {
    public enum Answer: Sendable {
        /// Sent as it is, each piece by itself; then the connection is closed if the last is to be.
        case bytes([[UInt8]], closes: Bool)
        /// Sent as it is in one piece with what `begin` writes first; `begin` puts handlers in.
        case upgrade([UInt8], begin: @Sendable (any Channel) throws -> Void)
        case silence
    }

    public let port: UInt16
    private let listener: any Channel
    private let state: Locked<State>

    private struct State {
        var requests: [ReceivedRequest] = []
        var open: [ObjectIdentifier: any Channel] = [:]
        var count = 0
    }

    public init(
        identity: TestAuthority.Pair? = nil, clients: TestAuthority? = nil,
        answer: @escaping @Sendable (ReceivedRequest) -> Answer
    ) async throws {
        let tls = try identity.map { identity in
            var tls = TLSConfiguration.makeServerConfiguration(
                certificateChain: try NIOSSLCertificate.fromPEMBytes(identity.certificate).map { .certificate($0) },
                privateKey: .privateKey(try NIOSSLPrivateKey(bytes: identity.key, format: .pem)))
            tls.applicationProtocols = ["h2", "http/1.1"]
            if let clients {
                tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(clients.certificate))
                tls.certificateVerification = .noHostnameVerification
            }
            return try NIOSSLContext(configuration: tls)
        }
        let state = Locked(State())
        listener = try await ServerBootstrap(group: testEventLoops)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                let number = state.withLock { state in
                    state.count += 1
                    state.open[ObjectIdentifier(channel)] = channel
                    return state.count
                }
                channel.closeFuture.whenComplete { _ in state.withLock { $0.open[ObjectIdentifier(channel)] = nil } }
                return channel.eventLoop.makeCompletedFuture {
                    let pipeline = channel.pipeline.syncOperations
                    if let tls { try pipeline.addHandler(NIOSSLServerHandler(context: tls)) }
                    try pipeline.addHandler(
                        HeadReader(connection: number) { request in
                            state.withLock { $0.requests.append(request) }
                            return answer(request)
                        })
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = UInt16(listener.localAddress?.port ?? 0)
        self.state = state
    }

    deinit { close() }

    /// All that has come in so far.
    public var requests: [ReceivedRequest] { state.withLock { $0.requests } }

    /// How many connections are there now.
    public var openConnections: Int { state.withLock { $0.open.count } }

    /// How many connections have come in so far.
    public var connectionCount: Int { state.withLock { $0.count } }

    /// Resets all connections; new ones are welcome.
    public func resetConnections() async {
        for channel in state.withLock({ Array($0.open.values) }) { await resetConnection(channel) }
    }

    public func close() {
        listener.close(promise: nil)
        for channel in state.withLock({ Array($0.open.values) }) { channel.close(promise: nil) }
    }
}

/// Reads a head, answers it, and leaves.
private final class HeadReader: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let connection: Int
    private let answer: (ReceivedRequest) -> UpgradeServer.Answer
    private var input: [UInt8] = []
    private var hasAnswered = false

    init(connection: Int, answer: @escaping (ReceivedRequest) -> UpgradeServer.Answer) {
        (self.connection, self.answer) = (connection, answer)
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        input += Array(unwrapInboundIn(data).readableBytesView)
        guard !hasAnswered, let end = input.firstRange(of: Array("\r\n\r\n".utf8)) else { return }
        hasAnswered = true
        let lines = String(decoding: input[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
        let words = lines[0].split(separator: " ")
        let headers = lines.dropFirst().map { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            return (name: parts[0].lowercased(), value: parts.count < 2 ? "" : String(parts[1].drop { $0 == " " }))
        }
        let request = ReceivedRequest(
            method: String(words[0]), target: String(words[1]), headers: headers, body: [], isHTTP2: false,
            connection: connection)
        switch answer(request) {
        case .silence: break
        case .bytes(let pieces, let closes):
            for piece in pieces { context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: piece)), promise: nil) }
            if closes { context.close(promise: nil) }
        case .upgrade(let head, let begin):
            context.write(wrapOutboundOut(ByteBuffer(bytes: head)), promise: nil)
            do { try begin(context.channel) } catch { return context.close(promise: nil) }
            let rest = Array(input[end.upperBound...])
            if !rest.isEmpty { context.fireChannelRead(wrapInboundOut(ByteBuffer(bytes: rest))) }
            context.flush()
            context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
