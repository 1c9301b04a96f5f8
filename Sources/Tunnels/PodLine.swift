internal import Glibc
internal import NIOCore

/// One upgraded connection with an API server, for one pod, which carries one connection of a client at a time: there is
/// no flow control within it, so a second one would wait for the first one's reader. What ended well is followed by the
/// next, for which nothing has to be made; but not by channels, where the server's end of the one is that of the line.
///
///     the client's relay ═ socket pair ═ PodCall ═ PodLine ═ (TLS) ═ API server ═ node ═ pod
///
/// Unchecked, since all of it is for its event loop's thread, but for `loop`, `key` and `end()`.
final class PodLine: ChannelDuplexHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    /// What a line tells whoever holds it, on its event loop.
    struct Listener: Sendable {
        /// It can carry another connection.
        var isFree: @Sendable (PodLine) -> Void
        /// It is no more.
        var hasEnded: @Sendable (PodLine) -> Void
    }

    /// After so many streams a line is replaced, long before their numbers run out.
    private static let mostRequests = 1_000_000
    /// How long the server has to take notice of a reset.
    private static let farewell = TimeAmount.seconds(1)

    let key: LineKey
    let loop: any EventLoop
    private let listener: Listener
    private let pinging: Pinging
    private let cutConnection: () -> Void

    private var context: ChannelHandlerContext?
    private var webSocketReader: WebSocketReader?
    private var webSocketWriter = WebSocketWriter()
    private var reader = SPDYReader()
    private let writer = SPDYWriter()
    /// Nil for SPDY.
    private var channels: ChannelReader?
    private var call: PodCall?
    private(set) var requests = 0
    /// Why it is dead.
    private(set) var failure: TunnelFailure?
    private var nextPing: UInt32 = 1
    private var unanswered = 0
    private var pingTask: RepeatedTask?
    private var isReadHeld = false
    /// By channels: there is a client that can be told what comes.
    private var isListening = false
    /// What came before that, no more than was asked for at once, and what ended it.
    private var early = ByteBuffer()
    private var loss: TunnelFailure?
    /// By channels: it has said something since it was last to be asked whether it lives.
    private var hasSpoken = false
    private var needsFlush = false
    /// The server takes no more streams.
    private var isGoingAway = false
    private var isEnding = false
    private var hasEnded = false

    /// - Parameter cut: closes the connection at once.
    init(
        _ key: LineKey, _ kind: PortForwardProtocol, on loop: any EventLoop, pinging: Pinging, _ listener: Listener,
        cut: @escaping () -> Void
    ) {
        self.key = key
        self.loop = loop
        self.pinging = pinging
        self.listener = listener
        cutConnection = cut
        webSocketReader = kind == .spdy ? nil : WebSocketReader()
        channels = key.port.map { ChannelReader(port: $0) }
    }

    var isUsable: Bool {
        (context != nil || loss != nil) && !isEnding && !isGoingAway && call == nil && !hasEnded
    }

    var isWritable: Bool { context?.channel.isWritable ?? false }

    /// Whether a pod can be told that its client has ended.
    var passesEnds: Bool { channels == nil }

    /// By channels a pod speaks as soon as the line stands, and nobody can be told yet what it says.
    private var isEarly: Bool { channels != nil && !isListening }

    // MARK: - Connections of clients

    /// Opens the streams for a connection. The line has to be usable.
    ///
    /// - Returns: their numbers.
    func begin(_ call: PodCall, port: UInt16) -> (error: UInt32, data: UInt32) {
        self.call = call
        guard channels == nil else {
            requests += 1
            return (UInt32(PortChannel.error), UInt32(PortChannel.data))
        }
        let streams = (error: UInt32(requests * 4 + 1), data: UInt32(requests * 4 + 3))
        let shared = [(name: "port", value: "\(port)"), (name: "requestid", value: "\(requests)")]
        requests += 1
        var frames = writer.synStream(streams.error, [("streamtype", "error")] + shared)
        // Nothing is ever said here.
        frames += SPDYWriter.dataHead(streams.error, count: 0, isLast: true)
        frames += writer.synStream(streams.data, [("streamtype", "data")] + shared)
        send(frames)
        return streams
    }

    /// The client can be told what comes; and first what has come.
    func listen() {
        isListening = true
        if early.readableBytes > 0 {
            var input = early
            early = ByteBuffer()
            hear(&input)
            call?.flush()
            flush()
        }
        if let loss { fail(loss.code, loss.text) }
        releaseRead()
    }

    /// The streams of the connection are done with on both sides.
    func finish(_ call: PodCall) {
        guard self.call === call else { return }
        self.call = nil
        releaseRead()
        guard !isEnding, !isGoingAway, channels == nil, requests < Self.mostRequests else { return end() }
        listener.isFree(self)
    }

    /// The streams of the connection are over before their end. What the server still sends by them would be in the way
    /// of the next, so there is none.
    func abandon(_ call: PodCall, stream: UInt32) {
        guard self.call === call else { return }
        self.call = nil
        guard !hasEnded else { return }
        // By channels the end of the line says it.
        if channels == nil { send(writer.reset(stream)) }
        end()
    }

    func sendData(_ bytes: ByteBuffer, on stream: UInt32) {
        send(channels == nil ? SPDYWriter.dataHead(stream, count: bytes.readableBytes) : PortChannel.dataHead, bytes)
    }

    func sendEnd(on stream: UInt32) {
        guard passesEnds else { return }
        send(SPDYWriter.dataHead(stream, count: 0, isLast: true))
    }

    /// At the end of what is to go together.
    func flush() {
        guard needsFlush else { return }
        needsFlush = false
        context?.flush()
    }

    private func send(_ head: [UInt8], _ body: ByteBuffer? = nil) {
        guard webSocketReader == nil else { return write(webSocketWriter.binary(head, body)) }
        var frame = ByteBufferAllocator().buffer(capacity: head.count + (body?.readableBytes ?? 0))
        frame.writeBytes(head)
        if var body { frame.writeBuffer(&body) }
        write(frame)
    }

    private func write(_ bytes: ByteBuffer) {
        guard let context, !hasEnded else { return }
        needsFlush = true
        context.write(wrapOutboundOut(bytes), promise: nil)
    }

    // MARK: - Ending

    /// Says goodbye, and closes the connection as soon as the server has had time to see it. From any thread.
    func end() {
        guard loop.inEventLoop else { return loop.execute { self.end() } }
        guard !isEnding, !hasEnded else { return }
        isEnding = true
        call?.lineBroke(TunnelFailure(code: ECONNABORTED, text: "the tunnel was closed"))
        call = nil
        if channels == nil { send(writer.goAway()) }
        if webSocketReader != nil { write(webSocketWriter.close(1000)) }
        flush()
        // What comes until then is thrown away: a connection that is closed with bytes unread is reset, and the server
        // might never see why.
        releaseRead()
        loop.scheduleTask(in: Self.farewell) { self.cut() }
    }

    /// It is dead, or its server makes no sense.
    private func fail(_ code: Int32, _ text: String) {
        guard !hasEnded else { return }
        let call = self.call
        self.call = nil
        isEnding = true
        let failure = TunnelFailure(code: code, text: text)
        self.failure = failure
        call?.lineBroke(failure)
        cut()
    }

    /// The connection is gone. Whoever is still to hear what came by it hears that first.
    private func lose(_ code: Int32, _ text: String) {
        guard isEarly, early.readableBytes > 0, !isEnding else { return fail(code, text) }
        loss = loss ?? TunnelFailure(code: code, text: text)
    }

    private func cut() {
        guard !hasEnded else { return }
        hasEnded = true
        pingTask?.cancel()
        cutConnection()
        listener.hasEnded(self)
    }

    // MARK: - The channel

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    /// Once it stands: before that, what is said would be taken for HTTP.
    func startPinging() {
        guard !hasEnded else { return }
        pingTask = loop.scheduleRepeatedTask(initialDelay: pinging.every, delay: pinging.every) { _ in self.ping() }
    }

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

    private func hear(_ input: inout ByteBuffer) {
        do {
            guard webSocketReader != nil else { return try take(&input) }
            while !isEnding, let event = try webSocketReader?.next(from: &input) {
                switch event {
                case .bytes(var bytes) where channels != nil: try takeMessage(&bytes)
                case .bytes(var bytes): try take(&bytes)
                case .close(1000) where channels?.hasBegun == true: podHasEnded()
                case .ping(let payload): if isWritable { write(webSocketWriter.pong(payload)) }
                case .pong: break
                case .close(1000): fail(ECONNRESET, "the API server has ended the tunnel")
                case .close(let code): fail(ECONNRESET, "the API server has closed the tunnel (code \(code))")
                }
            }
        } catch {
            fail(EPROTO, "what the API server sends by the tunnel is no port-forward (\(error))")
        }
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        call?.flush()
        flush()
    }

    /// A piece of one, by channels.
    private func takeMessage(_ bytes: inout ByteBuffer) throws {
        hasSpoken = true
        if webSocketReader?.beganMessage == true { channels?.beginMessage() }
        while !isEnding, let frame = try channels?.next(from: &bytes) { call?.take(frame) }
    }

    /// By channels that ends both at once; and the line.
    private func podHasEnded() {
        for channel in [PortChannel.error, PortChannel.data] {
            call?.take(.data(stream: UInt32(channel), ByteBuffer(), isLast: true))
        }
    }

    private func take(_ bytes: inout ByteBuffer) throws {
        while !isEnding, let frame = try reader.next(from: &bytes) {
            switch frame {
            // A client's pings are odd, and so those are answers. Of a server that asks and does not read, not all are
            // answered: the answers would pile up here.
            case .ping(let id): if id & 1 == 0, isWritable { send(writer.ping(id)) }
            case .goAway(let lastGood):
                isGoingAway = true
                if let call { call.serverGoesAway(lastGood) } else { end() }
            default: call?.take(frame)
            }
        }
    }

    // MARK: - Pings

    private func ping() {
        guard !isEnding, let context else { return }
        // By channels the server closes the connection when the pod has ended. What it gets after that has it throw away
        // all that has not been read here; so nothing is asked while there may be such.
        guard channels == nil || !isReadHeld && !hasSpoken else {
            (unanswered, hasSpoken) = (0, false)
            return
        }
        // What has not been read may have the answer in it; and where nothing is taken from us, no question arrives.
        if isReadHeld || !isWritable { unanswered = 0 }
        guard unanswered < pinging.most else {
            return fail(ETIMEDOUT, "the API server has not answered \(pinging.most) pings on a tunnel")
        }
        unanswered += 1
        if webSocketReader != nil {
            context.writeAndFlush(wrapOutboundOut(webSocketWriter.ping()), promise: nil)
        } else {
            send(writer.ping(nextPing))
            nextPing = (nextPing &+ 2) & 0x7FFF_FFFF
            flush()
        }
    }
}

/// How a line sees to it that it lives, and that everything between here and the server sees bytes.
struct Pinging: Hashable {
    /// Load balancers cut what has been silent for some minutes, some test beds after 15 s.
    var every = TimeAmount.seconds(8)
    /// After so many without a byte in return the line is dead.
    var most = 3
}
