internal import Glibc
internal import NIOCore

/// One upgraded connection with an API server, for one pod, which carries one connection of a client at a time: there is
/// no flow control within it, so a second one would wait for the first one's reader. What ended well is followed by the
/// next, for which nothing has to be made; but not by channels, where the server's end of the one is that of the line.
///
///     the client's relay ═ socket pair ═ PodCall ═ PodLine ═ (TLS) ═ API server ═ node ═ pod
///
/// This file is its life, and what clients have of it; what comes by the connection (PodLine+Channel.swift), and pings
/// (PodLine+Pinging.swift), are extensions.
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
    let pinging: Pinging
    private let cutConnection: () -> Void

    var context: ChannelHandlerContext?
    var codec: LineCodec
    var call: PodCall?
    private(set) var requests = 0
    /// Why it is dead.
    private(set) var failure: TunnelFailure?
    var unanswered = 0
    var pingTask: RepeatedTask?
    var isReadHeld = false
    /// By channels: there is a client that can be told what comes.
    private var isListening = false
    /// What came before that, no more than was asked for at once, and what ended it.
    var early = ByteBuffer()
    var loss: TunnelFailure?
    /// By channels: it has said something since it was last to be asked whether it lives.
    var hasSpoken = false
    private var needsFlush = false
    /// The server takes no more streams.
    var isGoingAway = false
    var isEnding = false
    var hasEnded = false

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
        codec = LineCodec(kind, port: key.port)
    }

    var isUsable: Bool {
        (context != nil || loss != nil) && !isEnding && !isGoingAway && call == nil && !hasEnded
    }

    var isWritable: Bool { context?.channel.isWritable ?? false }

    /// Whether a pod can be told that its client has ended.
    var passesEnds: Bool { !codec.isByChannels }

    /// By channels a pod speaks as soon as the line stands, and nobody can be told yet what it says.
    var isEarly: Bool { codec.isByChannels && !isListening }

    // MARK: - Connections of clients

    /// Opens the streams for a connection. The line has to be usable.
    ///
    /// - Returns: their numbers.
    func begin(_ call: PodCall, port: UInt16) -> (error: UInt32, data: UInt32) {
        self.call = call
        let (streams, frames) = codec.open(requests, port: port)
        requests += 1
        if !frames.isEmpty { write(codec.framed(frames)) }
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
        guard !isEnding, !isGoingAway, !codec.isByChannels, requests < Self.mostRequests else { return end() }
        listener.isFree(self)
    }

    /// The streams of the connection are over before their end. What the server still sends by them would be in the way
    /// of the next, so there is none.
    func abandon(_ call: PodCall, stream: UInt32) {
        guard self.call === call else { return }
        self.call = nil
        guard !hasEnded else { return }
        if let reset = codec.reset(stream) { write(reset) }
        end()
    }

    func sendData(_ bytes: ByteBuffer, on stream: UInt32) { write(codec.data(bytes, on: stream)) }

    func sendEnd(on stream: UInt32) {
        if let end = codec.end(of: stream) { write(end) }
    }

    /// At the end of what is to go together.
    func flush() {
        guard needsFlush else { return }
        needsFlush = false
        context?.flush()
    }

    func write(_ bytes: ByteBuffer) {
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
        for word in codec.goodbye() { write(word) }
        flush()
        // What comes until then is thrown away: a connection that is closed with bytes unread is reset, and the server
        // might never see why.
        releaseRead()
        loop.scheduleTask(in: Self.farewell) { self.cut() }
    }

    /// It is dead, or its server makes no sense.
    func fail(_ code: Int32, _ text: String) {
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
    func lose(_ code: Int32, _ text: String) {
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
}
