internal import Glibc
internal import NIOCore

/// What comes by the connection of a line: its channel, and what the server says.
extension PodLine {
    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        lose(ECONNRESET, "the tunnel's connection was closed")
        self.context = nil
    }

    func channelInactive(context: ChannelHandlerContext) {
        lose(ECONNRESET, "the API server has closed the tunnel's connection")
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        lose((error as? IOError)?.errnoCode ?? ECONNRESET, "the tunnel's connection broke")
    }

    /// The server is held back while the client takes nothing.
    func read(context: ChannelHandlerContext) {
        if isEarly && !isEnding || call?.isWritable == false { isReadHeld = true } else { context.read() }
    }

    func releaseRead() {
        guard isReadHeld else { return }
        isReadHeld = false
        context?.read()
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { call?.releaseRead() }
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        unanswered = 0
        guard !isEnding else { return }
        var input = unwrapInboundIn(data)
        // What had been asked for before it was known that nobody listens; no more is.
        guard !isEarly else {
            early.writeBuffer(&input)
            return
        }
        hear(&input)
    }

    func hear(_ input: inout ByteBuffer) {
        do {
            while !isEnding, let event = try codec.next(from: &input) { take(event) }
        } catch {
            fail(EPROTO, "what the API server sends by the tunnel is no port-forward (\(error))")
        }
    }

    private func take(_ event: LineCodec.Event) {
        switch event {
        case .frame(let frame):
            hasSpoken = true
            call?.take(frame)
        // Of a server that asks and does not read, not all are answered: the answers would pile up here.
        case .asks(let answer): if isWritable { write(answer) }
        case .goesAway(let lastGood):
            isGoingAway = true
            if let call { call.serverGoesAway(lastGood) } else { end() }
        case .podEnds:
            for channel in [PortChannel.error, PortChannel.data] {
                call?.take(.data(stream: UInt32(channel), ByteBuffer(), isLast: true))
            }
        case .closes(1000): fail(ECONNRESET, "the API server has ended the tunnel")
        case .closes(let code): fail(ECONNRESET, "the API server has closed the tunnel (code \(code))")
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        call?.flush()
        flush()
    }
}
