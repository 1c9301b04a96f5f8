internal import KubernetesAPI
internal import NIOCore
internal import NIOHTTP1

/// Reads the answer of a pod. On the event loop of its connection.
///
///     TLS │ encoder │ hold │ decoder │ this
final class BackendHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundIn = HTTPClientRequestPart
    typealias OutboundOut = HTTPClientRequestPart

    private let promise: EventLoopPromise<HTTPResponseHead>
    private(set) var body: BodyPipe
    private var context: ChannelHandlerContext?
    private var isReadWanted = false
    private var isSwitching = false
    private(set) var isRaw = false

    var answer: EventLoopFuture<HTTPResponseHead> { promise.futureResult }

    init(_ loop: any EventLoop) {
        promise = loop.makePromise()
        body = BodyPipe(length: nil) {}
        let own = NIOLoopBound(self, eventLoop: loop)
        body = BodyPipe(length: nil) { loop.execute { own.value.makeRoom() } }
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            // Others of these are words on the way, which are not for the client.
            guard head.status.code >= 200 || head.status == .switchingProtocols else { return }
            isSwitching = head.status == .switchingProtocols
            promise.succeed(head)
        case .body(let piece): body.add(piece)
        case .end: if !isSwitching { body.end() }
        }
    }

    func read(context: ChannelHandlerContext) {
        isReadWanted = true
        makeRoom()
    }

    private func makeRoom() {
        guard isReadWanted, !isSwitching, !body.isFull, let context else { return }
        isReadWanted = false
        context.read()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        promise.fail(error)
        context.channel.reset()
    }

    func channelInactive(context: ChannelHandlerContext) {
        promise.fail(ChannelError.eof)
        body.breakOff()
        context.fireChannelInactive()
    }

    /// Takes all that has to do with HTTP out.
    func becomeRaw() throws -> EventLoopFuture<RawEnd.Place> {
        guard let context else { throw ChannelError.ioOnClosedChannel }
        let pipeline = context.pipeline.syncOperations
        let decoder = try pipeline.context(handlerType: ByteToMessageHandler<HTTPResponseDecoder>.self)
        let hold = NIOLoopBound(try pipeline.handler(type: EndHold.self), eventLoop: context.eventLoop)
        hold.value.hold()
        let place = try RawEnd.Place(on: context.channel)
        let (channel, isReadWanted) = (context.channel, isReadWanted)
        isRaw = true
        pipeline.removeHandler(context: try pipeline.context(handlerType: HTTPRequestEncoder.self), promise: nil)
        pipeline.removeHandler(context: context, promise: nil)
        // The decoder last: it gives what it has left to whoever stands next to it.
        return pipeline.removeHandler(context: decoder).map {
            hold.value.release()
            if isReadWanted { channel.read() }
            return place
        }
    }
}
