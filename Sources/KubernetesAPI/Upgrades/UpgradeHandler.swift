internal import NIOCore
internal import NIOHTTP1
internal import NIOSSL

/// Speaks HTTP/1.1 for one request and its answer, and then leaves, with all that has to do with HTTP.
///
///     TLS │ encoder │ hold │ limit │ decoder │ check │ this │ (the taker's)
final class UpgradeHandler: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPClientResponsePart
    typealias OutboundOut = HTTPClientRequestPart

    /// As much of an answer that is no upgrade as is kept.
    private static let longestBody = 64 << 10
    /// How long an answer may take. An API server waits for a node for 30 s.
    static let limit = TimeAmount.seconds(35)

    private let request: HTTPRequestHead
    private let answer: EventLoopPromise<UpgradeAnswer>
    private let prepare: (UpgradedConnection) throws -> Void
    private var head: HTTPResponseHead?
    private var body: [UInt8] = []
    private var timer: Scheduled<Void>?

    private init(
        _ request: HTTPRequestHead, _ answer: EventLoopPromise<UpgradeAnswer>,
        prepare: @escaping (UpgradedConnection) throws -> Void
    ) {
        self.request = request
        self.answer = answer
        self.prepare = prepare
    }

    /// Asks on a connection that leads to the server. It is closed unless it becomes the taker's. On its event loop.
    static func ask(
        _ request: HTTPRequestHead, on channel: any Channel, prepare: @escaping (UpgradedConnection) throws -> Void
    ) -> EventLoopFuture<UpgradeAnswer> {
        let answer = channel.eventLoop.makePromise(of: UpgradeAnswer.self)
        let pipeline = channel.pipeline.syncOperations
        do {
            // Nothing comes in this turn, so nothing is lost in between.
            try pipeline.addHandler(HTTPRequestEncoder())
            try pipeline.addHandler(EndHold())
            try pipeline.addHandler(ByteToMessageHandler(HTTPResponseDecoder(leftOverBytesStrategy: .forwardBytes)))
            AnswerLimits.apply(toHTTP1: channel).cascadeFailure(to: answer)
            try pipeline.addHandler(UpgradeHandler(request, answer, prepare: prepare))
        } catch {
            answer.fail(error)
        }
        answer.futureResult.whenComplete { result in
            if case .success(.upgraded) = result { return }
            channel.cut()
        }
        return answer.futureResult
    }

    func handlerAdded(context: ChannelHandlerContext) {
        guard context.channel.isActive else { return answer.fail(ChannelError.ioOnClosedChannel) }
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: Self.limit) { self.expire() }
        context.write(wrapOutboundOut(.head(request)), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
    }

    func handlerRemoved(context: ChannelHandlerContext) { timer?.cancel() }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case .head(let head):
            self.head = head
        case .body(let part):
            body += part.readableBytesView.prefix(Self.longestBody - body.count)
            if body.count == Self.longestBody { refuse(isWhole: false) }
        case .end:
            if head?.status == .switchingProtocols { upgrade(context) } else { refuse(isWhole: true) }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { fail(error) }

    func channelInactive(context: ChannelHandlerContext) {
        fail(ChannelError.eof)
        context.fireChannelInactive()
    }

    private func expire() { fail(NoAnswer()) }

    /// An answer that has begun says more than the reason why it does not go on.
    private func fail(_ error: any Error) {
        if let head, head.status != .switchingProtocols { refuse(isWhole: false) } else { answer.fail(error) }
    }

    private func refuse(isWhole: Bool) {
        guard let head else { return }
        answer.succeed(
            .refused(
                UpgradeRefusal(
                    status: Int(head.status.code), headers: Self.headers(of: head), body: body, isWhole: isWhole)))
    }

    private func upgrade(_ context: ChannelHandlerContext) {
        guard let head else { return }
        let (channel, pipeline) = (context.channel, context.pipeline.syncOperations)
        let connection = UpgradedConnection(headers: Self.headers(of: head), channel: channel)
        do {
            let decoder = try pipeline.context(handlerType: ByteToMessageHandler<HTTPResponseDecoder>.self)
            let encoder = try pipeline.context(handlerType: HTTPRequestEncoder.self)
            let hold = NIOLoopBound(try pipeline.handler(type: EndHold.self), eventLoop: context.eventLoop)
            hold.value.hold()
            let start = NIOLoopBound(StartHold(), eventLoop: context.eventLoop)
            try AnswerLimits.lift(fromHTTP1: channel)
            pipeline.removeHandler(context: encoder, promise: nil)
            pipeline.removeHandler(context: context, promise: nil)
            try pipeline.addHandler(start.value)
            try prepare(connection)
            // The decoder last: it gives what it has left to whoever stands next to it.
            pipeline.removeHandler(context: decoder).map {
                start.value.release()
                hold.value.release()
                return .upgraded(connection)
            }.cascade(to: answer)
        } catch {
            answer.fail(error)
        }
    }

    private static func headers(of head: HTTPResponseHead) -> [(name: String, value: String)] {
        head.headers.map { ($0.name.lowercased(), $0.value) }
    }
}

/// The server has taken a request and not answered it.
struct NoAnswer: Error {}
