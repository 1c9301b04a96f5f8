internal import Glibc
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTP2
internal import NIOSSL
internal import TestSupport

/// What a script writes its answer to. Over HTTP/1.1 the bytes are put together here, so that they can be wrong in any way.
public final class Reply: Sendable {
    /// How the end of a body is told.
    public enum Framing: Sendable {
        case chunked
        /// Not checked against what is written.
        case length(Int)
        case untilClose
    }

    private let channel: any Channel
    private let isHTTP2: Bool
    private let framing = Locked(Framing.chunked)

    init(_ channel: any Channel, isHTTP2: Bool) {
        self.channel = channel
        self.isHTTP2 = isHTTP2
    }

    public func head(
        _ status: Int, _ headers: [(name: String, value: String)] = [("Content-Type", "application/json")],
        framing: Framing = .chunked
    ) async throws {
        self.framing.withLock { $0 = framing }
        var all = headers
        switch framing {
        case .chunked: if !isHTTP2 { all.append(("Transfer-Encoding", "chunked")) }
        case .length(let count): all.append(("Content-Length", "\(count)"))
        case .untilClose: break
        }
        let code = HTTPResponseStatus(statusCode: status)
        if isHTTP2 {
            let fields = HTTPHeaders(all.map { ($0.name, $0.value) })
            let head = HTTPResponseHead(version: .http2, status: code, headers: fields)
            try await channel.writeAndFlush(HTTPServerResponsePart.head(head))
        } else {
            let lines = ["HTTP/1.1 \(status) \(code.reasonPhrase)"] + all.map { "\($0.name): \($0.value)" }
            try await raw(Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8))
        }
    }

    /// Writes a piece of the body: a chunk, if it is chunked. Waits while the client takes nothing.
    public func write(_ bytes: [UInt8]) async throws {
        guard !bytes.isEmpty else { return }
        if isHTTP2 {
            try await channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: bytes))))
        } else if case .chunked = framing.withLock({ $0 }) {
            try await raw(Array("\(String(bytes.count, radix: 16))\r\n".utf8) + bytes + Array("\r\n".utf8))
        } else {
            try await raw(bytes)
        }
    }

    public func write(_ text: String) async throws { try await write(Array(text.utf8)) }

    /// Ends the body. Without it the client waits for more when the script is over.
    public func end() async throws {
        if isHTTP2 {
            try await channel.writeAndFlush(HTTPServerResponsePart.end(nil))
            return
        }
        switch framing.withLock({ $0 }) {
        case .chunked: try await raw(Array("0\r\n\r\n".utf8))
        case .length: break
        case .untilClose: try await close()
        }
    }

    /// Writes these bytes and nothing else to the connection. Only for HTTP/1.1.
    public func raw(_ bytes: [UInt8]) async throws {
        precondition(!isHTTP2, "HTTP/2 has no text to write")
        try await channel.writeAndFlush(ByteBuffer(bytes: bytes))
    }

    /// Closes the connection in order, wherever the answer is; over HTTP/2 resets the stream.
    public func close() async throws { try await channel.close() }

    /// Says that the connection is about to close, and that this request was not looked at. Only for HTTP/2.
    public func goAway() async throws {
        guard isHTTP2, let connection = channel.parent else { preconditionFailure("HTTP/1.1 has no such word") }
        let word = HTTP2Frame.FramePayload.goAway(lastStreamID: .rootStream, errorCode: .noError, opaqueData: nil)
        try await connection.writeAndFlush(HTTP2Frame(streamID: .rootStream, payload: word))
    }

    /// Resets the connection, for HTTP/2 with all its streams.
    public func reset() async {
        let connection = isHTTP2 ? channel.parent ?? channel : channel
        await resetConnection(connection)
    }

    /// Waits until the client has gone, or the server is closed.
    public func untilGone() async throws { try await channel.closeFuture.get() }
}

/// Ends a connection by a reset, past TLS, which would say goodbye.
func resetConnection(_ channel: any Channel) async {
    try? await (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
    try? await channel.eventLoop.submit {
        let pipeline = channel.pipeline.syncOperations
        guard let tls = try? pipeline.context(handlerType: NIOSSLServerHandler.self) else {
            return channel.close(promise: nil)
        }
        tls.close(promise: nil)
    }.get()
}
