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
/// On the line's event loop.
final class PodCall: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// The times of a call; the event loop's clock counts.
    struct Patience: Hashable {
        /// For the streams to be acknowledged.
        var acknowledgement = TimeAmount.seconds(5)
        /// The same by a line that was free before, and may be dead without anybody having said so.
        var stale = TimeAmount.seconds(2)
        /// After that, for a refusal.
        var refusal = TimeAmount.seconds(2)
        /// The same while the client has more to say than is kept, and waits.
        var refusalOfMuch = TimeAmount.milliseconds(50)
        /// After the pod's end, for the end of the error stream.
        var verdict = TimeAmount.seconds(1)
        /// For the rest of a text on the error stream.
        var text = TimeAmount.milliseconds(250)
        /// By channels, where a pod cannot be told that its client has ended: for more from the pod.
        var silence = TimeAmount.seconds(60)
    }

    /// What comes of a call, beyond its bytes.
    struct Outcome {
        /// Called with `withdrawn` or `broken`, once at most.
        var deliver: @Sendable (TunnelEnd) -> Void
        /// The line was dead already: our end, and what the client has said.
        var stale: (Int32, [UInt8]) -> Void
        /// What to tell people; nil for that it works.
        var report: (String?) -> Void
    }

    /// Our end of a pair.
    struct End {
        /// Owned by whoever it is given to.
        var socket: Int32
        /// What has been read of it already.
        var prefix: [UInt8]
    }

    private let line: PodLine
    private let pod: PodPort
    /// The line may have died while it was free, so that silence means little.
    private let mayBeStale: Bool
    /// A line that is cut before a sign of the server may be replaced by another.
    private let mayTryAgain: Bool
    private let patience: Patience
    private let outcome: Outcome
    /// A second descriptor of our end; -1 if it can no longer be taken back.
    private var spare: Int32
    private var prefix: [UInt8]
    private var context: ChannelHandlerContext?
    private var streams: (error: UInt32, data: UInt32) = (0, 0)
    private var conversation = PodConversation()
    private var timer: Scheduled<Void>?
    private var silence: Scheduled<Void>?
    private var wasHeard = false
    private var isReadHeld = false
    private var isHoldingBack = false
    private var needsFlush = false
    /// The pod has said something.
    private var hasSpoken = false
    /// The line has nothing to do with it any more.
    private var isOver = false

    private init(
        _ pod: PodPort, on line: PodLine, _ end: End, mayBeStale: Bool, mayTryAgain: Bool, _ patience: Patience,
        _ outcome: Outcome
    ) {
        (self.pod, self.line) = (pod, line)
        (self.mayBeStale, self.mayTryAgain) = (mayBeStale, mayTryAgain)
        (spare, prefix) = (SocketPair.another(end.socket), end.prefix)
        (self.patience, self.outcome) = (patience, outcome)
    }

    deinit { if spare >= 0 { SocketPair.close(spare) } }

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
        if conversation.clientSays(bytes) { dropSpare() }
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

    // MARK: - From the pod

    func take(_ frame: SPDYFrame) {
        guard !isOver else { return }
        switch frame {
        case .data(streams.data, let bytes, let isLast):
            if bytes.readableBytes > 0 { deliver(bytes) }
            if isLast, !conversation.podHasEnded { perform(conversation.podEnds()) }
        case .data(streams.error, let bytes, let isLast):
            let isFirst = conversation.errorText.isEmpty
            perform(conversation.errorSays(bytes, isLast: isLast))
            if !isOver, isFirst, !conversation.errorText.isEmpty { wait(patience.text) { $0.failByText() } }
        case .synReply(streams.data) where !conversation.isAcknowledged:
            conversation.acknowledge(isData: true)
            if conversation.canWithdraw { waitForRefusal() } else { timer?.cancel() }
        case .synReply(streams.error): conversation.acknowledge(isData: false)
        case .reset(streams.data, _), .reset(streams.error, _):
            if conversation.isDone { perform(.finish) } else { failByText() }
        default: break
        }
    }

    private func waitForRefusal() {
        wait(isHoldingBack ? patience.refusalOfMuch : patience.refusal) { $0.noRefusal() }
    }

    private func noRefusal() {
        conversation.forget()
        dropSpare()
        isHoldingBack = false
        releaseRead()
    }

    private func deliver(_ bytes: ByteBuffer) {
        wasHeard = true
        if !hasSpoken {
            hasSpoken = true
            timer?.cancel()
            conversation.podSays()
            noRefusal()
            outcome.report(nil)
        }
        guard let context else { return }
        needsFlush = true
        context.write(wrapOutboundOut(bytes), promise: nil)
    }

    /// At the end of what goes together.
    func flush() {
        guard needsFlush else { return }
        needsFlush = false
        context?.flush()
    }

    private func perform(_ step: PodConversation.Step) {
        switch step {
        case .goOn:
            if conversation.podHasEnded, conversation.errorText.isEmpty {
                wait(patience.verdict) { $0.perform($0.conversation.passEnd()) }
            }
        case .passEnd: passEnd()
        case .finish:
            if !conversation.clientHasEnded { line.sendEnd(on: streams.data) }
            line.flush()
            // First, since with the end of ours the channel may close at once.
            conclude()
            passEnd()
            line.finish(self)
        case .fail: failByText()
        }
    }

    /// Ends our direction once all has gone. To close the output of a channel whose input has ended closes it at once,
    /// with what it has not written yet.
    private func passEnd() {
        dropSpare()
        isHoldingBack = false
        guard let context else { return }
        let (written, channel) = (context.eventLoop.makePromise(of: Void.self), context.channel)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: written)
        written.futureResult.whenSuccess { channel.close(mode: .output, promise: nil) }
        releaseRead()
    }

    // MARK: - Failing

    func lineBroke(_ failure: TunnelFailure) {
        guard !isOver, conversation.podHasEnded, hasSpoken, conversation.errorText.isEmpty else {
            // What the node has said is the reason.
            let text = conversation.errorText
            return fail(text.isEmpty ? failure : TunnelFailure(pod: text, pod), byLine: true)
        }
        // The answer is whole; only the end of the error stream is missing.
        conclude()
        if !conversation.hasPassedEnd { passEnd() }
    }

    func serverGoesAway(_ lastGood: UInt32) {
        guard lastGood < streams.data else { return }
        line.end()
    }

    private func failByText() {
        let text = conversation.errorText
        fail(
            text.isEmpty
                ? TunnelFailure(code: ECONNRESET, text: "the connection with the pod \(pod) was reset")
                : TunnelFailure(pod: text, pod))
    }

    private func fail(_ failure: TunnelFailure, byLine: Bool = false) {
        guard !isOver else { return }
        // A pod that took the connection may have acted on what it was told.
        let mayRepeat = !conversation.isAcknowledged || conversation.takenCount == 0 || failure.isRefusal
        let taken = conversation.taken.flatMap { spare >= 0 && mayRepeat ? $0 : nil }
        let isStale = !conversation.hasSign && (mayBeStale || byLine && mayTryAgain)
        let rest = taken == nil ? -1 : spare
        if rest >= 0 { spare = -1 }
        conclude()
        if !byLine { line.abandon(self, stream: streams.data) }
        if let taken {
            let taken = prefix + taken.flatMap { Array($0.readableBytesView) }
            context?.close(promise: nil)
            if isStale { return outcome.stale(rest, taken) }
            outcome.report(failure.text)
            outcome.deliver(.withdrawn(failure.code, taken: taken, rest: rest))
        } else {
            outcome.report(failure.text)
            breakOff()
        }
    }

    /// The client is to see that this is no proper end. All that came before is written first; then whoever has the other
    /// end is told, and closes it.
    private func breakOff() {
        guard let context else { return }
        let (written, deliver) = (context.eventLoop.makePromise(of: Void.self), outcome.deliver)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: written)
        written.futureResult.whenComplete { _ in deliver(.broken(ECONNRESET)) }
        // Its bytes are thrown away until it does.
        releaseRead()
    }

    private func conclude() {
        isOver = true
        isHoldingBack = false
        timer?.cancel()
        silence?.cancel()
        dropSpare()
    }

    private func dropSpare() {
        guard spare >= 0 else { return }
        SocketPair.close(spare)
        spare = -1
    }

    private func wait(_ time: TimeAmount, _ then: @escaping (PodCall) -> Void) {
        timer?.cancel()
        timer = line.loop.assumeIsolated().scheduleTask(in: time) { [self] in if !isOver { then(self) } }
    }
}
