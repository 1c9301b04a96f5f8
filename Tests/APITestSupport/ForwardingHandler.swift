internal import NIOCore
internal import NIOPosix
internal import TestSupport
internal import Tunnels

/// One upgraded connection of a ``PortForwardServer``: what API server, node and pod say.
final class ForwardingHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private let pod: String
    private let state: Locked<PortForwardServer.State>
    private var webSocketReader: WebSocketReader?
    private var webSocketWriter = WebSocketWriter(isClient: false)
    private var reader = SPDYReader()
    private let writer = SPDYWriter()
    /// By both of their streams, and by the request's number as long as there is only one.
    private var forwards: [UInt32: Forward] = [:]
    private var halves: [String: Forward] = [:]
    private var context: ChannelHandlerContext?

    /// One connection with a port of the pod.
    final class Forward {
        var port: UInt16
        /// What the pod was to do when the connection began: one that stands goes on as it has begun.
        var play = PortForwardServer.Play.silence
        var error: UInt32 = 0
        var data: UInt32 = 0
        var heard = 0
        var said = 0
        var isOver = false
        var backend: (any Channel)?
        /// What came before the backend was there.
        var early: [ByteBuffer] = []
        var hasEarlyEnd = false

        init(port: UInt16) { self.port = port }
    }

    init(pod: String, isWebSocket: Bool, _ state: Locked<PortForwardServer.State>) {
        (self.pod, self.state) = (pod, state)
        webSocketReader = isWebSocket ? WebSocketReader(readsClient: true) : nil
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) { self.context = nil }

    // MARK: - Hearing

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var input = unwrapInboundIn(data)
        do {
            guard webSocketReader != nil else { return try take(&input) }
            while let event = try webSocketReader?.next(from: &input) {
                switch event {
                case .bytes(var bytes): try take(&bytes)
                case .ping(let payload):
                    note(.ping)
                    guard !state.withLock({ $0.isSilentToPings }) else { continue }
                    context.writeAndFlush(wrapOutboundOut(webSocketWriter.pong(payload)), promise: nil)
                case .pong: break
                case .close: context.close(promise: nil)
                }
            }
        } catch {
            context.close(promise: nil)
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) { context.flush() }

    func channelInactive(context: ChannelHandlerContext) {
        for forward in forwards.values {
            forward.isOver = true
            forward.backend?.close(promise: nil)
        }
        context.fireChannelInactive()
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        guard context.channel.isWritable else { return }
        for (stream, forward) in forwards where stream == forward.data && !forward.isOver { proceed(forward) }
        context.flush()
    }

    private func note(_ note: PortForwardServer.Note) { state.withLock { $0.notes.append(note) } }

    private func play(of port: UInt16) -> PortForwardServer.Play {
        state.withLock { $0.plays["\(pod):\(port)"] } ?? .refusal
    }

    private func take(_ bytes: inout ByteBuffer) throws {
        while let frame = try reader.next(from: &bytes) {
            switch frame {
            case .synStream(let stream, let headers): open(stream, headers)
            case .data(let stream, let bytes, let isLast):
                guard let forward = forwards[stream], stream == forward.data else { continue }
                forward.heard += bytes.readableBytes
                if !forward.isOver { hear(bytes, isLast, forward) }
            case .reset(let stream, let status):
                note(.reset(pod: pod, status: status))
                forwards[stream]?.isOver = true
                forwards[stream]?.backend?.close(promise: nil)
            case .ping(let id):
                note(.ping)
                if !state.withLock({ $0.isSilentToPings }) { say(writer.ping(id)) }
            case .goAway: context?.close(promise: nil)
            case .synReply, .other: break
            }
        }
    }

    private func open(_ stream: UInt32, _ headers: SPDYFrame.Headers) {
        guard let port = headers["port"].flatMap({ UInt16($0) }), let type = headers["streamtype"],
            ["error", "data"].contains(type)
        else { return say(writer.reset(stream, status: 1)) }
        if case .deafness = play(of: port) { return }
        if case .goAway = play(of: port) {
            say(writer.goAway())
            return
        }
        say(writer.synReply(stream))
        let number = headers["requestid"] ?? "\(type == "data" ? stream - 2 : stream)"
        let forward = halves[number] ?? Forward(port: port)
        if type == "error" { forward.error = stream } else { forward.data = stream }
        forwards[stream] = forward
        halves[number] = forward.error == 0 || forward.data == 0 ? forward : nil
        guard halves[number] == nil else { return }
        note(.stream(pod: pod, port: port))
        begin(forward)
    }

    // MARK: - Playing

    private func begin(_ forward: Forward) {
        forward.play = play(of: forward.port)
        switch forward.play {
        case .refusal:
            fail(
                forward,
                "error forwarding port \(forward.port) to pod 4f6c0a1b2c3d4e5f60718293a4b5c6d7e8f9, uid : failed to "
                    + "execute portforward in network namespace \"/var/run/netns/cni-1\": failed to connect to localhost:"
                    + "\(forward.port) inside namespace \"4f6c0a1b2c3d4e5f\", IPv4: dial tcp4 127.0.0.1:\(forward.port): "
                    + "connect: connection refused IPv6 dial tcp6: address localhost: no suitable address found ")
        case .splice(let port): splice(forward, to: port)
        case .endsFirst(let count):
            say(forward.data, PortForwardServer.pattern(count))
            say(SPDYWriter.dataHead(forward.data, count: 0, isLast: true))
        default: proceed(forward)
        }
    }

    /// Says as much as there is room for.
    private func proceed(_ forward: Forward) {
        let play = forward.play
        let goal: Int
        switch play {
        case .source(let count): goal = count
        case .endlessSource: goal = .max
        case .error(let count, _), .cut(let count), .end(let count), .close(let count, _), .reset(let count):
            goal = count
        default: return
        }
        while let context, context.channel.isWritable, forward.said < goal {
            let count = min(32 << 10, goal - forward.said)
            say(forward.data, PortForwardServer.pattern(count, from: forward.said))
            forward.said += count
        }
        guard forward.said == goal, let context else { return }
        forward.isOver = true
        switch play {
        case .error(_, let text): fail(forward, text)
        case .reset: say(writer.reset(forward.data))
        case .close(_, let code):
            if webSocketReader == nil {
                say(writer.goAway())
            } else {
                context.write(wrapOutboundOut(webSocketWriter.close(code)), promise: nil)
            }
            context.writeAndFlush(wrapOutboundOut(ByteBuffer())).assumeIsolated().whenComplete { _ in
                context.close(promise: nil)
            }
        case .end:
            context.writeAndFlush(wrapOutboundOut(ByteBuffer())).assumeIsolated().whenComplete { _ in
                context.close(promise: nil)
            }
        case .cut:
            let channel = context.channel
            context.writeAndFlush(wrapOutboundOut(ByteBuffer())).whenComplete { _ in
                Task { await resetConnection(channel) }
            }
        default: finish(forward)
        }
    }

    private func hear(_ bytes: ByteBuffer, _ isLast: Bool, _ forward: Forward) {
        if isLast { note(.end(pod: pod, bytes: forward.heard)) }
        switch forward.play {
        case .echo(let delay):
            if bytes.readableBytes > 0 { say(forward.data, Array(bytes.readableBytesView)) }
            guard isLast else { return }
            guard delay > 0 else { return finish(forward) }
            context?.eventLoop.assumeIsolated().scheduleTask(in: .milliseconds(Int64(delay))) {
                self.finish(forward)
                self.context?.flush()
            }
        case .endsFirst:
            guard isLast else { return }
            forward.isOver = true
            say(SPDYWriter.dataHead(forward.error, count: 0, isLast: true))
        case .sink:
            guard isLast else { return }
            say(forward.data, Array("\(forward.heard)".utf8))
            finish(forward)
        case .splice:
            guard let backend = forward.backend else {
                if bytes.readableBytes > 0 { forward.early.append(bytes) }
                forward.hasEarlyEnd = isLast
                return
            }
            if bytes.readableBytes > 0 { backend.writeAndFlush(bytes, promise: nil) }
            if isLast { backend.close(mode: .output, promise: nil) }
        default: break
        }
    }

    private func finish(_ forward: Forward) {
        forward.isOver = true
        say(SPDYWriter.dataHead(forward.data, count: 0, isLast: true))
        say(SPDYWriter.dataHead(forward.error, count: 0, isLast: true))
        forwards[forward.data] = nil
        forwards[forward.error] = nil
    }

    /// In the order of a real API server.
    private func fail(_ forward: Forward, _ text: String) {
        forward.isOver = true
        say(SPDYWriter.dataHead(forward.data, count: 0, isLast: true))
        say(forward.error, Array(text.utf8))
        say(writer.reset(forward.data))
        say(writer.reset(forward.error))
    }

    private func splice(_ forward: Forward, to port: UInt16) {
        guard let context else { return }
        let own = NIOLoopBound((self, forward), eventLoop: context.eventLoop)
        ClientBootstrap(group: context.eventLoop)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Backend(own.value.0, own.value.1))
                }
            }
            .connect(host: "127.0.0.1", port: Int(port))
            .whenComplete { result in
                let (handler, forward) = own.value
                guard case .success(let channel) = result else {
                    handler.fail(forward, "failed to connect to localhost:\(port): connection refused")
                    handler.context?.flush()
                    return
                }
                forward.backend = channel
                for bytes in forward.early { channel.write(bytes, promise: nil) }
                channel.flush()
                if forward.hasEarlyEnd { channel.close(mode: .output, promise: nil) }
                if forward.isOver { channel.close(promise: nil) }
            }
    }

    private final class Backend: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer

        private let handler: ForwardingHandler
        private let forward: Forward

        init(_ handler: ForwardingHandler, _ forward: Forward) { (self.handler, self.forward) = (handler, forward) }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            handler.say(forward.data, Array(unwrapInboundIn(data).readableBytesView))
        }

        func channelReadComplete(context: ChannelHandlerContext) { handler.context?.flush() }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            guard case .inputClosed? = event as? ChannelEvent, !forward.isOver else { return }
            handler.finish(forward)
            handler.context?.flush()
            context.close(promise: nil)
        }
    }

    // MARK: - Saying

    private func say(_ stream: UInt32, _ bytes: [UInt8]) {
        say(SPDYWriter.dataHead(stream, count: bytes.count) + bytes)
    }

    /// As a real one: the parts of a frame are messages of their own.
    private func say(_ frame: [UInt8]) {
        guard let context else { return }
        guard webSocketReader != nil else {
            return context.write(wrapOutboundOut(ByteBuffer(bytes: frame)), promise: nil)
        }
        guard state.withLock({ $0.isSplitting }) else {
            for part in [frame.prefix(2), frame[2..<4], frame[4..<8], frame.dropFirst(8)] where !part.isEmpty {
                context.write(wrapOutboundOut(webSocketWriter.binary(Array(part))), promise: nil)
            }
            return
        }
        for (index, byte) in frame.enumerated() {
            // An empty message, and every third byte as a fragment with an empty one behind it.
            context.write(wrapOutboundOut(webSocketWriter.binary([])), promise: nil)
            if index % 3 == 0 {
                context.write(wrapOutboundOut(ByteBuffer(bytes: [0x02, 1, byte, 0x80, 0])), promise: nil)
            } else {
                context.write(wrapOutboundOut(webSocketWriter.binary([byte])), promise: nil)
            }
        }
    }
}
