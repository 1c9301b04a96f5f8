internal import EventLoop
internal import NIOCore

/// What the pod says, and the API server about it.
extension PodCall {
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

    func waitForRefusal() {
        wait(isHoldingBack ? patience.refusalOfMuch : patience.refusal) { $0.noRefusal() }
    }

    private func noRefusal() {
        conversation.forget()
        spare = .none
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
    func passEnd() {
        spare = .none
        isHoldingBack = false
        guard let context else { return }
        let (written, channel) = (context.eventLoop.makePromise(of: Void.self), context.channel)
        context.writeAndFlush(wrapOutboundOut(ByteBuffer()), promise: written)
        written.futureResult.whenSuccess { channel.close(mode: .output, promise: nil) }
        releaseRead()
    }
}
