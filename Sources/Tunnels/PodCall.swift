internal import EventLoop
internal import Glibc
internal import NIOCore
internal import NIOPosix
internal import Relay

/// One connection of a client by a ``PodLine``: the handler of our end of its socket pair.
///
/// It delivers before anybody knows whether the pod takes the connection. Until the first byte of the pod, or until it
/// has been quiet for a while, what the client says is kept, and our end of the pair is held by a second descriptor, so
/// that all of it can be taken back and given to another pod.
///
/// This file is what the client says; what the pod says (PodCall+Pod.swift), and how it ends otherwise
/// (PodCall+Failing.swift), are extensions. On the line's event loop.
final class PodCall: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    let line: PodLine
    let pod: PodPort
    /// The line may have died while it was free, so that silence means little.
    let mayBeStale: Bool
    /// A line that is cut before a sign of the server may be replaced by another.
    let mayTryAgain: Bool
    let patience: Patience
    let outcome: Outcome
    /// A second descriptor of our end, for as long as it can be taken back.
    var spare: Descriptor
    var prefix: [UInt8]
    var context: ChannelHandlerContext?
    var streams: (error: UInt32, data: UInt32) = (0, 0)
    var conversation = PodConversation()
    var timer: Scheduled<Void>?
    var silence: Scheduled<Void>?
    var wasHeard = false
    private var isReadHeld = false
    var isHoldingBack = false
    var needsFlush = false
    /// The pod has said something.
    var hasSpoken = false
    /// The line has nothing to do with it any more.
    var isOver = false

    private init(
        _ pod: PodPort, on line: PodLine, _ end: End, mayBeStale: Bool, mayTryAgain: Bool, _ patience: Patience,
        _ outcome: Outcome
    ) {
        (self.pod, self.line) = (pod, line)
        (self.mayBeStale, self.mayTryAgain) = (mayBeStale, mayTryAgain)
        spare = Descriptor(owning: SocketPair.another(end.socket))
        prefix = end.prefix
        (self.patience, self.outcome) = (patience, outcome)
    }

    /// Joins our end of a pair to a line.
    static func begin(
        _ pod: PodPort, on line: PodLine, _ end: End, mayBeStale: Bool, mayTryAgain: Bool, _ patience: Patience,
        _ outcome: Outcome
    ) {
        let call = PodCall(
            pod, on: line, end, mayBeStale: mayBeStale, mayTryAgain: mayTryAgain, patience, outcome)
        call.streams = line.begin(call, port: pod.port)
        let bound = NIOLoopBound(call, eventLoop: line.loop)
        ClientBootstrap(group: line.loop)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.writeBufferWaterMark, value: waterMark)
            // A few pieces, and then a look at whether there is room for more.
            .channelOption(.maxMessagesPerRead, value: 4)
            .channelOption(.recvAllocator, value: pieces)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try channel.pipeline.syncOperations.addHandler(bound.value) }
            }
            .withConnectedSocket(end.socket)
            .whenFailure { error in
                bound.value.fail(TunnelFailure(code: ENOBUFS, text: "a tunnel to \(pod) cannot begin: \(error)"))
            }
    }

    static let waterMark = ChannelOptions.Types.WriteBufferWaterMark(low: 64 << 10, high: 256 << 10)
    /// Reads grow with what comes, in place of 64 KiB for each word of a chat.
    static let pieces = AdaptiveRecvByteBufferAllocator(minimum: 1 << 10, initial: 4 << 10, maximum: 256 << 10)

    var isWritable: Bool { context?.channel.isWritable ?? false }

    // MARK: - From the client

    func channelActive(context: ChannelHandlerContext) {
        guard !isOver else { return context.close(promise: nil) }
        self.context = context
        wait(mayBeStale ? patience.stale : patience.acknowledgement) { call in
            call.fail(TunnelFailure(code: ETIMEDOUT, text: "the pod \(call.pod) did not take a connection in time"))
        }
        if !prefix.isEmpty { say(ByteBuffer(bytes: prefix)) }
        prefix = []
        line.flush()
        // The line may have been held back for us.
        line.listen()
    }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    func read(context: ChannelHandlerContext) {
        if !isOver, isHoldingBack || !line.isWritable { isReadHeld = true } else { context.read() }
    }

    func releaseRead() {
        guard isReadHeld, !isHoldingBack else { return }
        isReadHeld = false
        context?.read()
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isOver else {
            // The pod has ended, and nobody takes this. Whoever said it is to see that, unless it sees an error anyway.
            // What the pod has said is written first.
            if conversation.isDone {
                let (written, channel) = (context.eventLoop.makePromise(of: Void.self), context.channel)
                context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: written)
                written.futureResult.whenComplete { _ in channel.close(promise: nil) }
            }
            return
        }
        say(unwrapInboundIn(data))
    }

    func channelReadComplete(context: ChannelHandlerContext) { line.flush() }

    private func say(_ bytes: ByteBuffer) {
        if conversation.clientSays(bytes) { spare = .none }
        line.sendData(bytes, on: streams.data)
        guard conversation.canWithdraw, !isHoldingBack, conversation.takenCount >= PodConversation.enoughTaken
        else { return }
        isHoldingBack = true
        if conversation.isAcknowledged, !conversation.podHasEnded { waitForRefusal() }
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .inputClosed? = event as? ChannelEvent, !isOver else { return }
        conversation.clientEnds()
        guard line.passesEnds else { return awaitSilence() }
        line.sendEnd(on: streams.data)
        line.flush()
    }

    /// The client has ended, and may be gone, which only the end of the line can tell the pod. While that goes on it is
    /// heard.
    private func awaitSilence() {
        wasHeard = false
        silence = line.loop.assumeIsolated().scheduleTask(in: patience.silence) { [self] in
            guard !isOver else { return }
            // A client that takes nothing holds the pod up.
            guard !wasHeard, isWritable else { return awaitSilence() }
            if !hasSpoken {
                outcome.report("the pod \(pod) cannot be told by channels that its client has ended, and says nothing")
            }
            conclude()
            line.abandon(self, stream: streams.data)
            breakOff()
        }
    }

    func channelInactive(context: ChannelHandlerContext) { leave() }

    /// An end that comes with an error is one.
    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        guard context.channel.isWritable else { return }
        // What it has kept the pod from saying comes now.
        wasHeard = true
        line.releaseRead()
    }

    /// The client is gone.
    private func leave() {
        guard !isOver else { return }
        // Where the pod has ended first, the client's proper end ends the channel.
        if conversation.hasPassedEnd, !conversation.clientHasEnded {
            conversation.clientEnds()
            line.sendEnd(on: streams.data)
            line.flush()
            return wait(patience.verdict) { call in
                call.conclude()
                call.line.abandon(call, stream: call.streams.data)
            }
        }
        conclude()
        line.abandon(self, stream: streams.data)
    }
}
