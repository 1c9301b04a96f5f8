internal import Glibc
internal import NIOCore
internal import NIOSSL

/// One end of a connection that is passed on byte for byte, with the other one's end, its half-close and its reset.
///
/// One piece is under way in each direction; until the other side has taken it, nothing more is read. The two may live
/// on different event loops.
final class RawEnd: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// A channel at whose end there is one.
    struct Place: Sendable {
        let channel: any Channel
        let end: NIOLoopBound<RawEnd>

        /// Puts one in at the end. On the channel's event loop.
        init(on channel: any Channel) throws {
            let end = RawEnd(channel.eventLoop)
            try channel.pipeline.syncOperations.addHandler(end)
            self.channel = channel
            self.end = NIOLoopBound(end, eventLoop: channel.eventLoop)
        }

        fileprivate func lead(to peer: any Channel) {
            channel.eventLoop.execute { end.value.lead(to: peer) }
        }

        /// Says that nothing more will come, where that was noticed before there was this end. On its event loop.
        func markInputEnded() { end.value.inputHasEnded() }
    }

    /// Leads each to the other. Any thread.
    static func join(_ first: Place, _ second: Place) {
        first.lead(to: second.channel)
        second.lead(to: first.channel)
    }

    private let loop: any EventLoop
    /// Nil once the channel is closed; what it has brought by then still has its way to go.
    private var context: ChannelHandlerContext?
    private var peer: (any Channel)?
    /// What came before the other side was there.
    private var early: [ByteBuffer] = []
    private var underWay = 0
    private var isReadWanted = false
    private var hasInputEnded = false
    private var hasToldEnd = false
    private var hasClosed = false
    private var isBroken = false

    private init(_ loop: any EventLoop) { self.loop = loop }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    private func lead(to peer: any Channel) {
        self.peer = peer
        let pieces = early
        early = []
        for piece in pieces { forward(piece, to: peer) }
        goOn()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let piece = unwrapInboundIn(data)
        guard let peer else { return early.append(piece) }
        forward(piece, to: peer)
    }

    private func forward(_ piece: ByteBuffer, to peer: any Channel) {
        underWay += 1
        let own = NIOLoopBound(self, eventLoop: loop)
        peer.writeAndFlush(piece).hop(to: loop).whenComplete { result in
            let this = own.value
            this.underWay -= 1
            if case .failure = result { return this.reset() }
            this.goOn()
        }
    }

    /// What had to wait for what was under way.
    private func goOn() {
        guard underWay == 0, let peer else { return }
        if hasClosed {
            peer.close(promise: nil)
        } else if hasInputEnded, !hasToldEnd {
            hasToldEnd = true
            peer.close(mode: .output, promise: nil)
        }
        guard isReadWanted, let context else { return }
        isReadWanted = false
        context.read()
    }

    func read(context: ChannelHandlerContext) {
        guard peer != nil, underWay == 0 else {
            isReadWanted = true
            return
        }
        context.read()
    }

    // MARK: Ends

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed = event as? ChannelEvent { inputHasEnded() }
        context.fireUserInboundEventTriggered(event)
    }

    fileprivate func inputHasEnded() {
        hasInputEnded = true
        goOn()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { reset() }

    /// Without an error, both directions have ended.
    func channelInactive(context: ChannelHandlerContext) {
        hasClosed = true
        goOn()
        context.fireChannelInactive()
    }

    /// Nothing is left that could arrive in order.
    private func reset() {
        guard !isBroken else { return }
        isBroken = true
        if let context { context.channel.reset() }
        peer?.reset()
    }
}

extension Channel {
    /// Closes at once, and so that the other side cannot take it for an end in order. TLS would say goodbye first, and
    /// wait for an answer. Any thread.
    func reset() {
        eventLoop.execute {
            let set = (self as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0))
            (set ?? self.eventLoop.makeSucceededVoidFuture()).whenComplete { _ in
                let pipeline = self.pipeline.syncOperations
                guard let tls = try? pipeline.context(handlerType: NIOSSLClientHandler.self) else {
                    return self.close(promise: nil)
                }
                tls.close(promise: nil)
            }
        }
    }
}
