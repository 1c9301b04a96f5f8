internal import Base
internal import NIOCore
internal import NIOHTTP1

/// Where the answer to one request goes. Each write leaves at once, and waits while the client takes nothing.
final class ClientReply: Sendable {
    private struct State {
        var hasBegun = false
        var closes: Bool
        var hasBody = true
        /// Only the end of the connection ends the body.
        var isUnframed = false
    }

    private let channel: any Channel
    private let isHead: Bool
    /// HTTP/1.0, which knows no chunks, and ends each connection with its answer.
    private let isOld: Bool
    private let state: Guarded<State>
    private let upgrade: @Sendable (HTTPResponseHead) async throws -> RawEnd.Place

    /// - Parameter upgrade: writes a head of status 101, and has the connection speak HTTP no more.
    init(
        _ channel: any Channel, to head: HTTPRequestHead,
        upgrade: @escaping @Sendable (HTTPResponseHead) async throws -> RawEnd.Place
    ) {
        self.channel = channel
        self.upgrade = upgrade
        isHead = head.method == .HEAD
        isOld = head.version == .http1_0
        state = Guarded(State(closes: !head.isKeepAlive))
    }

    var hasBegun: Bool { state.withLock { $0.hasBegun } }
    /// Whether the connection is to be closed behind the answer.
    var closes: Bool { state.withLock { $0.closes } }
    var isUnframed: Bool { state.withLock { $0.isUnframed } }

    /// Has the connection closed behind the answer, which then says so. Before its head.
    func closeAfterwards() { state.withLock { $0.closes = true } }

    /// Has a client that waits for it send its body.
    func goOn() async throws {
        let head = HTTPResponseHead(version: .http1_1, status: .continue)
        try await channel.writeAndFlush(HTTPServerResponsePart.head(head))
    }

    /// - Parameter headers: with `Content-Length` if that is known, and without what is between neighbours.
    func begin(_ status: Int, _ reason: String? = nil, _ headers: [(name: String, value: String)]) async throws {
        let head = prepare(status, reason, headers)
        try await channel.writeAndFlush(HTTPServerResponsePart.head(head))
    }

    func write(_ piece: ByteBuffer) async throws {
        guard state.withLock({ $0.hasBody }) else { return }
        try await channel.writeAndFlush(HTTPServerResponsePart.body(.byteBuffer(piece)))
    }

    func end() async throws { try await channel.writeAndFlush(HTTPServerResponsePart.end(nil)) }

    func send(_ answer: Answer) async throws {
        let fixed = [("Date", "\(HTTPDate.now)"), ("Content-Length", "\(answer.body.count)")]
        let head = prepare(answer.status, nil, answer.headers + fixed)
        channel.write(HTTPServerResponsePart.head(head), promise: nil)
        if state.withLock({ $0.hasBody }), !answer.body.isEmpty {
            channel.write(HTTPServerResponsePart.body(.byteBuffer(ByteBuffer(bytes: answer.body))), promise: nil)
        }
        try await end()
    }

    /// From here on the connection is what both ends make of it.
    ///
    /// - Parameter headers: of the 101.
    func becomeRaw(_ headers: [(name: String, value: String)]) async throws -> RawEnd.Place {
        state.withLock { $0.hasBegun = true }
        let headers = HTTPHeaders(headers.map { ($0.name, $0.value) })
        return try await upgrade(HTTPResponseHead(version: .http1_1, status: .switchingProtocols, headers: headers))
    }

    private func prepare(
        _ status: Int, _ reason: String?, _ headers: [(name: String, value: String)]
    ) -> HTTPResponseHead {
        let code = reason.map { HTTPResponseStatus.custom(code: UInt(status), reasonPhrase: $0) }
        var headers = HTTPHeaders(headers.map { ($0.name, $0.value) })
        return state.withLock { state in
            state.hasBegun = true
            state.hasBody = !isHead && status >= 200 && status != 204 && status != 304
            if state.hasBody, !headers.contains(name: "Content-Length") {
                if isOld {
                    (state.closes, state.isUnframed) = (true, true)
                } else {
                    headers.add(name: "Transfer-Encoding", value: "chunked")
                }
            }
            if state.closes {
                headers.add(name: "Connection", value: "close")
            } else if isOld {
                headers.add(name: "Connection", value: "keep-alive")
            }
            return HTTPResponseHead(
                version: .http1_1, status: code ?? HTTPResponseStatus(statusCode: status), headers: headers)
        }
    }
}
