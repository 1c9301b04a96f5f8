internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import TestSupport

/// A server of HTTP/2 on 127.0.0.1 whose every frame comes from a test, so that they can be wrong in any way. What its clients
/// send it does not look at, but for where a request begins.
public final class FrameServer: Sendable {
    public let port: UInt16
    private let listener: any Channel

    /// - Parameter answer: runs in a task for each request, which is cancelled when the client goes. It gets the stream's number.
    public init(
        identity: TestAuthority.Pair, answer: @escaping @Sendable (UInt32, FrameReply) async throws -> Void
    ) async throws {
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMBytes(identity.certificate).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: identity.key, format: .pem)))
        tls.applicationProtocols = ["h2"]
        let context = try NIOSSLContext(configuration: tls)
        listener = try await ServerBootstrap(group: testEventLoops)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                    try channel.pipeline.syncOperations.addHandler(FrameHandler(answer))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = UInt16(listener.localAddress?.port ?? 0)
    }

    deinit { listener.close(promise: nil) }

    /// A frame, whatever its type (RFC 9113, 4.1).
    public static func frame(_ type: UInt8, flags: UInt8 = 0, stream: UInt32 = 0, _ payload: [UInt8] = []) -> [UInt8] {
        let (length, stream) = (UInt32(payload.count), stream)
        func bytes(_ number: UInt32) -> [UInt8] { (0..<4).map { UInt8(truncatingIfNeeded: number >> (24 - 8 * $0)) } }
        return bytes(length).dropFirst() + [type, flags] + bytes(stream) + payload
    }

    /// A header block of nothing but a status (RFC 7541, 6.2.2), in a frame.
    public static func head(_ status: String, flags: UInt8 = 4, stream: UInt32) -> [UInt8] {
        frame(1, flags: flags, stream: stream, [0x08, UInt8(status.utf8.count)] + Array(status.utf8))
    }
}

/// What a ``FrameServer`` answers with.
public struct FrameReply: Sendable {
    fileprivate let channel: any Channel

    /// Waits while the client takes nothing, and throws once it has gone.
    public func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

    public func close() async throws { try await channel.close() }

    public func untilGone() async throws { try await channel.closeFuture.get() }
}

private final class FrameHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let answer: @Sendable (UInt32, FrameReply) async throws -> Void
    private var input = ByteBuffer()
    private var hasPreface = false
    private var tasks: [Task<Void, any Error>] = []

    init(_ answer: @escaping @Sendable (UInt32, FrameReply) async throws -> Void) { self.answer = answer }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var new = unwrapInboundIn(data)
        input.writeBuffer(&new)
        if !hasPreface {
            guard input.readSlice(length: 24) != nil else { return }
            hasPreface = true
            context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: FrameServer.frame(4))), promise: nil)
        }
        while let head = input.getBytes(at: input.readerIndex, length: 9) {
            let length = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
            guard input.readSlice(length: 9 + length) != nil else { return }
            guard head[3] == 1 else { continue }
            let stream = head[5...].reduce(0) { $0 << 8 | UInt32($1) }
            let (answer, reply) = (answer, FrameReply(channel: context.channel))
            tasks.append(Task { try await answer(stream, reply) })
        }
    }

    func channelInactive(context: ChannelHandlerContext) { for task in tasks { task.cancel() } }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
