internal import NIOCore
internal import NIOPosix

/// One address of 127.0.0.1 for two servers of plain HTTP: connections whose first request is for a port-forward go to one of
/// them, all others to the other.
public final class ServerSwitch: Sendable {
    public let port: UInt16
    private let listener: any Channel

    public init(portForwards: UInt16, others: UInt16) async throws {
        listener = try await ServerBootstrap(group: testEventLoops)
            .serverChannelOption(.backlog, value: 1024)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelOption(.allowRemoteHalfClosure, value: true)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(FirstLine(portForwards, others))
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = UInt16(listener.localAddress?.port ?? 0)
    }

    public func close() { listener.close(promise: nil) }

    deinit { close() }
}

/// Waits for the first line, and then joins both connections.
private final class FirstLine: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer

    private let portForwards: UInt16
    private let others: UInt16
    private var bytes = ByteBuffer()
    private var isDecided = false

    init(_ portForwards: UInt16, _ others: UInt16) { (self.portForwards, self.others) = (portForwards, others) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var new = unwrapInboundIn(data)
        bytes.writeBuffer(&new)
        guard !isDecided, let end = bytes.readableBytesView.firstIndex(of: UInt8(ascii: "\n")) else { return }
        isDecided = true
        let line = String(decoding: bytes.readableBytesView[..<end], as: UTF8.self)
        let port = line.contains("/portforward") ? portForwards : others
        let channel = context.channel
        let bound = NIOLoopBound(self, eventLoop: context.eventLoop)
        let joint = NIOLoopBound(Joint(), eventLoop: context.eventLoop)
        let peer = ClientBootstrap(group: context.eventLoop).channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.socketOption(.tcp_nodelay), value: 1)
            .channelInitializer { other in
                other.eventLoop.makeCompletedFuture {
                    let own = Joint()
                    (own.other, joint.value.other) = (channel, other)
                    try other.pipeline.syncOperations.addHandler(own)
                }
            }
            .connect(host: "127.0.0.1", port: Int(port))
        peer.whenComplete { result in
            guard case .success(let other) = result else { return channel.close(promise: nil) }
            let first = bound.value
            other.writeAndFlush(first.bytes, promise: nil)
            try? channel.pipeline.syncOperations.addHandler(joint.value, position: .last)
            channel.pipeline.syncOperations.removeHandler(first, promise: nil)
        }
    }
}

/// Passes on what one of two connections says, and its end.
private final class Joint: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    var other: (any Channel)?

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        other?.writeAndFlush(unwrapInboundIn(data), promise: nil)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent { other?.close(mode: .output, promise: nil) }
    }

    func channelInactive(context: ChannelHandlerContext) { other?.close(promise: nil) }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        other?.close(promise: nil)
        context.close(promise: nil)
    }
}
