public import NIOCore

/// Keeps the end of a stream back while a decoder of HTTP leaves the connection: SwiftNIO's drops what it has left if an
/// end comes in between, and in one turn of the event loop that can be what came right behind the head. Stands before
/// the decoder, on the connection's event loop.
public final class EndHold: ChannelInboundHandler, RemovableChannelHandler {
    public typealias InboundIn = NIOAny
    public typealias InboundOut = NIOAny

    private var context: ChannelHandlerContext?
    private var isHolding = false
    private var hasInputClosed = false
    private var isInactive = false

    public init() {}

    public func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    public func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    /// From here on.
    public func hold() { isHolding = true }

    /// Passes on what was kept back, and leaves.
    public func release() {
        guard let context else { return }
        isHolding = false
        if hasInputClosed { context.fireUserInboundEventTriggered(ChannelEvent.inputClosed) }
        if isInactive { context.fireChannelInactive() }
        context.pipeline.syncOperations.removeHandler(context: context, promise: nil)
    }

    public func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.fireChannelRead(data) }

    public func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if isHolding, case .inputClosed = event as? ChannelEvent {
            hasInputClosed = true
            return
        }
        context.fireUserInboundEventTriggered(event)
    }

    public func channelInactive(context: ChannelHandlerContext) {
        guard !isHolding else {
            isInactive = true
            return
        }
        context.fireChannelInactive()
    }
}
