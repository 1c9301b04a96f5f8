internal import NIOCore
internal import NIOPosix
internal import TestSupport
internal import Tunnels

/// Stands before a ``ForwardingHandler`` that speaks SPDY by itself, and has its client speak `v4.channel.k8s.io` for one
/// port: what a node does.
final class ChannelTranslator: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private static let (errorStream, dataStream): (UInt32, UInt32) = (1, 3)

    private let port: UInt16
    private let state: Locked<PortForwardServer.State>
    /// Both of the client's direction.
    private var socketReader = WebSocketReader(readsClient: true)
    private let spdyWriter = SPDYWriter()
    /// Both of the other.
    private var spdyReader = SPDYReader()
    private var socketWriter = WebSocketWriter(isClient: false)
    private var channel: UInt8?
    private var ended: Set<UInt32> = []
    private var isClosed = false

    init(port: UInt16, _ state: Locked<PortForwardServer.State>) { (self.port, self.state) = (port, state) }

    /// Once the other handler is there: nobody asks for streams.
    func begin(_ context: ChannelHandlerContext) {
        let port = (name: "port", value: "\(port)")
        let frames =
            spdyWriter.synStream(Self.errorStream, [("streamtype", "error"), port])
            + spdyWriter.synStream(Self.dataStream, [("streamtype", "data"), port])
        context.fireChannelRead(wrapInboundOut(ByteBuffer(bytes: frames)))
    }

    // MARK: - From the client

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var input = unwrapInboundIn(data)
        do {
            while let event = try socketReader.next(from: &input) {
                switch event {
                case .bytes(var bytes):
                    if socketReader.beganMessage { channel = bytes.readInteger() }
                    // A real one drops what is for no channel that it has.
                    guard channel == PortChannel.data, bytes.readableBytes > 0 else { continue }
                    let head = SPDYWriter.dataHead(Self.dataStream, count: bytes.readableBytes)
                    context.fireChannelRead(wrapInboundOut(ByteBuffer(bytes: head)))
                    context.fireChannelRead(wrapInboundOut(bytes))
                case .ping(let payload):
                    let isSilent = state.withLock { state in
                        state.notes.append(.ping)
                        return state.isSilentToPings
                    }
                    if !isSilent { context.writeAndFlush(wrapOutboundOut(socketWriter.pong(payload)), promise: nil) }
                case .pong: break
                case .close(let code):
                    state.withLock { $0.notes.append(.close(code)) }
                    context.close(promise: nil)
                }
            }
        } catch {
            context.close(promise: nil)
        }
    }

    // MARK: - From the pod

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        var frames = unwrapOutboundIn(data)
        do {
            while let frame = try spdyReader.next(from: &frames) { say(frame, context) }
        } catch {
            context.close(promise: nil)
        }
        context.write(wrapOutboundOut(ByteBuffer()), promise: promise)
    }

    private func say(_ frame: SPDYFrame, _ context: ChannelHandlerContext) {
        switch frame {
        case .synReply(let stream):
            message(on: stream, [UInt8(truncatingIfNeeded: port), UInt8(port >> 8)], context)
        case .data(let stream, let bytes, let isLast):
            if bytes.readableBytes > 0 { message(on: stream, Array(bytes.readableBytesView), context) }
            if isLast { end(stream, context) }
        case .reset(let stream, _):
            if ended.isEmpty { close(1011, context) } else { end(stream, context) }
        case .goAway: close(1001, context)
        case .synStream, .ping, .other: break
        }
    }

    private func end(_ stream: UInt32, _ context: ChannelHandlerContext) {
        ended.insert(stream)
        if ended.count == 2 { close(1000, context) }
    }

    private func close(_ code: UInt16, _ context: ChannelHandlerContext) {
        guard !isClosed else { return }
        isClosed = true
        let channel = context.channel
        context.writeAndFlush(wrapOutboundOut(socketWriter.close(code))).whenComplete { _ in
            channel.close(promise: nil)
        }
    }

    private func message(on stream: UInt32, _ bytes: [UInt8], _ context: ChannelHandlerContext) {
        guard !isClosed else { return }
        let channel = stream == Self.dataStream ? PortChannel.data : PortChannel.error
        guard state.withLock({ $0.isSplitting }) else {
            return context.write(wrapOutboundOut(socketWriter.binary([channel] + bytes)), promise: nil)
        }
        for (index, byte) in bytes.enumerated() {
            // An empty message, one that says nothing, and every third byte in fragments.
            for message in [[], [channel]] {
                context.write(wrapOutboundOut(socketWriter.binary(message)), promise: nil)
            }
            if index % 3 == 0 {
                let fragments: [UInt8] = [0x02, 1, channel, 0x00, 0, 0x00, 1, byte, 0x80, 0]
                context.write(wrapOutboundOut(ByteBuffer(bytes: fragments)), promise: nil)
            } else {
                context.write(wrapOutboundOut(socketWriter.binary([channel, byte])), promise: nil)
            }
        }
    }
}
