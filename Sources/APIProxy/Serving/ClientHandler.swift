internal import KubernetesAPI
internal import NIOCore
internal import NIOHTTP1

/// The connection of one client: requests one after the other, each answered by a task.
///
///     encoder │ hold │ limit │ decoder │ this
///
/// While a request is being answered, the next may wait, and behind it nothing is read. A client that says that it has
/// nothing more to say counts as gone, as it does in Go: it cannot be told from one that has closed.
final class ClientHandler: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias OutboundIn = HTTPServerResponsePart
    typealias OutboundOut = HTTPServerResponsePart

    private struct Exchange {
        let body: BodyPipe
        let reply: ClientReply
        let isUpgrade: Bool
        var task: Task<Void, Never>?
        var isAnswered = false
    }

    private let respond: Responder
    private let limit: HeadLimit
    private var exchange: Exchange?
    private var waiting = CircularBuffer<HTTPServerRequestPart>()
    private var isReadWanted = false
    /// The rest of a body that nobody wants, in bytes.
    private var unwanted = 0
    private var hasInputEnded = false

    /// So much of a body is read although the answer is there, so that the client gets to reading that.
    private static let mostUnwanted = 256 << 10

    init(limit: HeadLimit, respond: @escaping Responder) {
        self.limit = limit
        self.respond = respond
    }

    // MARK: Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        limit.reset()
        waiting.append(unwrapInboundIn(data))
        goOn(context)
    }

    private func goOn(_ context: ChannelHandlerContext) {
        while let part = waiting.first {
            if case .head = part, exchange != nil { return }
            waiting.removeFirst()
            switch part {
            case .head(let head): begin(head, context)
            case .body(let piece): take(piece, context)
            case .end:
                exchange?.body.end()
                finishIfAnswered(context)
            }
        }
    }

    private func begin(_ head: HTTPRequestHead, _ context: ChannelHandlerContext) {
        let own = NIOLoopBound((self, context), eventLoop: context.eventLoop)
        let (loop, channel) = (context.eventLoop, context.channel)
        let isChunked = head.headers.contains(name: "Transfer-Encoding")
        let length = isChunked ? nil : head.headers.first(name: "Content-Length").flatMap { Int($0) } ?? 0
        let body = BodyPipe(length: length) { loop.execute { own.value.0.makeRoom(own.value.1) } }
        let reply = ClientReply(channel, to: head) { head in
            try await loop.flatSubmit { own.value.0.becomeRaw(head, own.value.1) }.get()
        }
        let request = ClientRequest(
            method: head.method.rawValue, target: head.uri, headers: head.headers.map { ($0.name, $0.value) },
            client: channel.remoteAddress?.ipAddress, body: body, reply: reply)
        let isUpgrade = request.isUpgrade
        // Behind it the decoder expects another protocol.
        if isUpgrade || head.method == .CONNECT { reply.closeAfterwards() }
        exchange = Exchange(body: body, reply: reply, isUpgrade: isUpgrade)
        unwanted = 0
        exchange?.task = Task { [respond] in
            var failed = false
            do { try await respond(request) } catch { failed = true }
            loop.execute { [failed] in own.value.0.answered(failed, own.value.1) }
        }
    }

    private func take(_ piece: ByteBuffer, _ context: ChannelHandlerContext) {
        guard exchange?.isAnswered == true else {
            exchange?.body.add(piece)
            return
        }
        unwanted += piece.readableBytes
        if unwanted > Self.mostUnwanted { context.close(promise: nil) }
    }

    private func answered(_ failed: Bool, _ context: ChannelHandlerContext) {
        guard let exchange else { return }
        self.exchange?.isAnswered = true
        exchange.body.drop()
        guard !failed else {
            if exchange.reply.isUnframed { context.channel.reset() } else { context.close(promise: nil) }
            return
        }
        if exchange.reply.closes, exchange.body.hasEnded { return context.close(promise: nil) }
        finishIfAnswered(context)
    }

    private func finishIfAnswered(_ context: ChannelHandlerContext) {
        guard let exchange, exchange.isAnswered, exchange.body.hasEnded else { return }
        self.exchange = nil
        guard !exchange.reply.closes, !hasInputEnded else { return context.close(promise: nil) }
        goOn(context)
        makeRoom(context)
    }

    // MARK: Reading

    func read(context: ChannelHandlerContext) {
        isReadWanted = true
        makeRoom(context)
    }

    private func makeRoom(_ context: ChannelHandlerContext) {
        // Somebody has to be waited for, or the decoder is at its end.
        guard isReadWanted, waiting.isEmpty, exchange?.body.isFull != true else { return }
        guard exchange?.isUpgrade != true || exchange?.body.hasEnded != true else { return }
        isReadWanted = false
        context.read()
    }

    // MARK: Ends

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed = event as? ChannelEvent {
            hasInputEnded = true
            // What is to become another protocol may have half-closed early, and means it.
            if exchange?.isUpgrade != true { context.close(promise: nil) }
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        exchange?.body.breakOff()
        exchange?.task?.cancel()
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        // In the middle of a request there is nobody left to whom it could be said in order.
        guard error is HTTPParserError, exchange == nil || exchange?.reply.hasBegun == false else {
            return context.close(promise: nil)
        }
        exchange?.task?.cancel()
        let isTooLarge = if case HTTPParserError.headerOverflow = error { true } else { false }
        let answer: Answer =
            isTooLarge ? .text(431, "431 Request Header Fields Too Large") : .text(400, "400 Bad Request")
        let headers = answer.headers + [("Content-Length", "\(answer.body.count)"), ("Connection", "close")]
        let head = HTTPResponseHead(
            version: .http1_1, status: HTTPResponseStatus(statusCode: answer.status),
            headers: HTTPHeaders(headers.map { ($0.0, $0.1) }))
        context.write(wrapOutboundOut(.head(head)), promise: nil)
        context.write(wrapOutboundOut(.body(.byteBuffer(ByteBuffer(bytes: answer.body)))), promise: nil)
        context.writeAndFlush(wrapOutboundOut(.end(nil)), promise: nil)
        context.close(promise: nil)
    }

    // MARK: Upgrades

    /// Writes the 101 and takes all that has to do with HTTP out.
    private func becomeRaw(_ head: HTTPResponseHead, _ context: ChannelHandlerContext) -> EventLoopFuture<RawEnd.Place>
    {
        let (loop, pipeline) = (context.eventLoop, context.pipeline.syncOperations)
        do {
            guard context.channel.isActive else { throw ChannelError.ioOnClosedChannel }
            context.writeAndFlush(wrapOutboundOut(.head(head)), promise: nil)
            let decoder = try pipeline.context(handlerType: ByteToMessageHandler<HTTPRequestDecoder>.self)
            let hold = NIOLoopBound(try pipeline.handler(type: EndHold.self), eventLoop: loop)
            hold.value.hold()
            let place = try RawEnd.Place(on: context.channel)
            pipeline.removeHandler(context: try pipeline.context(handlerType: HTTPResponseEncoder.self), promise: nil)
            pipeline.removeHandler(context: try pipeline.context(handlerType: HeadLimit.self), promise: nil)
            let (hasInputEnded, isReadWanted) = (hasInputEnded, isReadWanted)
            exchange = nil
            pipeline.removeHandler(context: context, promise: nil)
            let channel = context.channel
            // The decoder last: it gives what it has left to whoever stands next to it.
            return pipeline.removeHandler(context: decoder).map {
                hold.value.release()
                if hasInputEnded { place.markInputEnded() }
                if isReadWanted { channel.read() }
                return place
            }
        } catch {
            return loop.makeFailedFuture(error)
        }
    }
}

/// Ends a connection by which more comes than any head of a request has: the decoder keeps the bytes of a first line that
/// never ends. Of one connection, on its event loop.
final class HeadLimit: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer

    private var bytes = 0

    /// Since the last that meant something.
    static let most = 1 << 20

    func reset() { bytes = 0 }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        bytes += unwrapInboundIn(data).readableBytes
        guard bytes <= Self.most else { return context.close(promise: nil) }
        context.fireChannelRead(data)
    }
}
