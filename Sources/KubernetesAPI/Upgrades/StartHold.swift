internal import NIOCore

/// Keeps what comes behind the head of an answer back while the decoder of HTTP leaves the connection. SwiftNIO's gives
/// what it has left before it is gone: whoever answers that at once would have it take the answer for a request, which
/// ends the process. Stands behind the decoder, on the connection's event loop.
final class StartHold: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private var context: ChannelHandlerContext?
    private var kept = ByteBuffer()

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        kept.writeBuffer(&bytes)
    }

    /// Passes on what was kept back, and leaves.
    func release() {
        guard let context else { return }
        if kept.readableBytes > 0 {
            context.fireChannelRead(wrapInboundOut(kept))
            context.fireChannelReadComplete()
        }
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }
}
