internal import EventLoop
internal import Glibc
internal import NIOCore
internal import Relay

/// How a call ends before both sides have said all.
extension PodCall {
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

    func failByText() {
        let text = conversation.errorText
        fail(
            text.isEmpty
                ? TunnelFailure(code: ECONNRESET, text: "the connection with the pod \(pod) was reset")
                : TunnelFailure(pod: text, pod))
    }

    func fail(_ failure: TunnelFailure, byLine: Bool = false) {
        guard !isOver else { return }
        // A pod that took the connection may have acted on what it was told.
        let mayRepeat = !conversation.isAcknowledged || conversation.takenCount == 0 || failure.isRefusal
        let taken = spare.isOpen && mayRepeat ? conversation.taken : nil
        let isStale = !conversation.hasSign && (mayBeStale || byLine && mayTryAgain)
        var rest = Descriptor.none
        if taken != nil { swap(&rest, &spare) }
        conclude()
        if !byLine { line.abandon(self, stream: streams.data) }
        if let taken {
            let taken = prefix + taken.flatMap { Array($0.readableBytesView) }
            context?.close(promise: nil)
            if isStale { return outcome.stale(rest.release(), taken) }
            outcome.report(failure.text)
            outcome.deliver(.withdrawn(failure.code, taken: taken, rest: rest.release()))
        } else {
            outcome.report(failure.text)
            breakOff()
        }
    }

    /// The client is to see that this is no proper end. All that came before is written first; then whoever has the other
    /// end is told, and closes it.
    func breakOff() {
        guard let context else { return }
        let (written, deliver) = (context.eventLoop.makePromise(of: Void.self), outcome.deliver)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: written)
        written.futureResult.whenComplete { _ in deliver(.broken(ECONNRESET)) }
        // Its bytes are thrown away until it does.
        releaseRead()
    }

    func conclude() {
        isOver = true
        isHoldingBack = false
        timer?.cancel()
        silence?.cancel()
        spare = .none
    }

    func wait(_ time: TimeAmount, _ then: @escaping (PodCall) -> Void) {
        timer?.cancel()
        timer = line.loop.assumeIsolated().scheduleTask(in: time) { [self] in if !isOver { then(self) } }
    }
}
