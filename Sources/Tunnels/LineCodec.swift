internal import NIOCore

/// How streams are put on the connection of a ``PodLine``, and taken off it: by SPDY alone, by SPDY in the messages of a
/// WebSocket, or by the channels of one. Whoever has it sees streams and no protocol. A value.
struct LineCodec {
    /// What the server says.
    enum Event: Hashable {
        case frame(SPDYFrame)
        /// It asks for a sign of life: this one.
        case asks(answer: ByteBuffer)
        /// It takes no more streams than those up to this one.
        case goesAway(lastGood: UInt32)
        /// By channels: the pod has ended, on all of them at once, and with them the line.
        case podEnds
        /// The code of a WebSocket's close; 1000 is an orderly one.
        case closes(UInt16)
    }

    private var webSocketReader: WebSocketReader?
    private var webSocketWriter = WebSocketWriter()
    private var reader = SPDYReader()
    private let writer = SPDYWriter()
    /// Nil for SPDY.
    private var channels: ChannelReader?
    /// What a message carries, and has not been taken yet.
    private var piece: ByteBuffer?
    private var nextPing: UInt32 = 1

    /// - Parameter port: by channels, the one that was asked for.
    init(_ kind: PortForwardProtocol, port: UInt16?) {
        webSocketReader = kind == .spdy ? nil : WebSocketReader()
        channels = port.map { ChannelReader(port: $0) }
    }

    /// One connection of a client, with which it ends; a pod may speak as soon as it stands, and cannot be told that its
    /// client has ended.
    var isByChannels: Bool { channels != nil }

    // MARK: - To the server

    /// The streams for a connection, and what opens them; by channels they are open.
    ///
    /// - Parameter request: how many there have been before.
    func open(_ request: Int, port: UInt16) -> (streams: (error: UInt32, data: UInt32), bytes: [UInt8]) {
        guard !isByChannels else { return ((UInt32(PortChannel.error), UInt32(PortChannel.data)), []) }
        let streams = (error: UInt32(request * 4 + 1), data: UInt32(request * 4 + 3))
        let shared = [(name: "port", value: "\(port)"), (name: "requestid", value: "\(request)")]
        var frames = writer.synStream(streams.error, [("streamtype", "error")] + shared)
        // Nothing is ever said here.
        frames += SPDYWriter.dataHead(streams.error, count: 0, isLast: true)
        frames += writer.synStream(streams.data, [("streamtype", "data")] + shared)
        return (streams, frames)
    }

    mutating func data(_ bytes: ByteBuffer, on stream: UInt32) -> ByteBuffer {
        framed(isByChannels ? PortChannel.dataHead : SPDYWriter.dataHead(stream, count: bytes.readableBytes), bytes)
    }

    /// What says that a stream has ended; nil if nothing does.
    mutating func end(of stream: UInt32) -> ByteBuffer? {
        isByChannels ? nil : framed(SPDYWriter.dataHead(stream, count: 0, isLast: true))
    }

    /// What says that a stream is given up; nil where the end of the line says it.
    mutating func reset(_ stream: UInt32) -> ByteBuffer? { isByChannels ? nil : framed(writer.reset(stream)) }

    mutating func ping() -> ByteBuffer {
        guard webSocketReader == nil else { return webSocketWriter.ping() }
        // A client's are odd.
        defer { nextPing = (nextPing &+ 2) & 0x7FFF_FFFF }
        return framed(writer.ping(nextPing))
    }

    /// What says that nothing follows.
    mutating func goodbye() -> [ByteBuffer] {
        let goAway = isByChannels ? nil : framed(writer.goAway())
        return [goAway, webSocketReader == nil ? nil : webSocketWriter.close(1000)].compactMap(\.self)
    }

    /// As they go on the connection.
    mutating func framed(_ head: [UInt8], _ body: ByteBuffer? = nil) -> ByteBuffer {
        guard webSocketReader == nil else { return webSocketWriter.binary(head, body) }
        var frame = ByteBufferAllocator().buffer(capacity: head.count + (body?.readableBytes ?? 0))
        frame.writeBytes(head)
        if var body { frame.writeBuffer(&body) }
        return frame
    }

    // MARK: - From the server

    /// Takes what is said next off `input`.
    ///
    /// - Returns: nil if more has to come first.
    /// - Throws: it is not what was agreed on.
    mutating func next(from input: inout ByteBuffer) throws -> Event? {
        guard webSocketReader != nil else { return try event(in: &input) }
        while true {
            if var piece {
                // Nobody else is to have it, or each frame would copy what is left of it.
                self.piece = nil
                if let event = try event(in: &piece) {
                    self.piece = piece
                    return event
                }
            }
            guard let message = try webSocketReader?.next(from: &input) else { return nil }
            switch message {
            case .bytes(let bytes):
                if webSocketReader?.beganMessage == true { channels?.beginMessage() }
                piece = bytes
            case .ping(let payload): return .asks(answer: webSocketWriter.pong(payload))
            case .pong: continue
            case .close(1000) where channels?.hasBegun == true: return .podEnds
            case .close(let code): return .closes(code)
            }
        }
    }

    private mutating func event(in bytes: inout ByteBuffer) throws -> Event? {
        guard !isByChannels else { return try channels?.next(from: &bytes).map(Event.frame) }
        while let frame = try reader.next(from: &bytes) {
            switch frame {
            // A client's pings are odd, and so those are answers.
            case .ping(let id) where id & 1 == 1: continue
            case .ping(let id): return .asks(answer: framed(writer.ping(id)))
            case .goAway(let lastGood): return .goesAway(lastGood: lastGood)
            default: return .frame(frame)
            }
        }
        return nil
    }
}
