internal import NIOCore
internal import NIOPosix
internal import TestSupport
internal import Tunnels

/// The part of an API server that forwards ports of pods, by SPDY in a WebSocket, by SPDY alone and by channels, on
/// 127.0.0.1. Pods are played as a test has scripted them; by channels a client's end is not heard.
///
///     let server = try await PortForwardServer()
///     server.play("my-pod", 8080, .echo)
public final class PortForwardServer: Sendable {
    /// What a port of a pod does with a connection.
    public enum Play: Sendable {
        /// Says what it hears, and ends when the client does, after so many milliseconds.
        case echo(endsAfter: Int = 0)
        /// Hears to the end, and then says how many bytes there were.
        case sink
        /// Says so many bytes of a pattern (see ``PortForwardServer/pattern(_:)``), and ends.
        case source(Int)
        /// The same without an end.
        case endlessSource
        /// Takes and says nothing.
        case silence
        /// Nothing listens, as a node tells it.
        case refusal
        /// Says so many bytes, and then the error stream says this.
        case error(after: Int, String)
        /// Never takes notice of a stream.
        case deafness
        /// Says so many bytes, and then the connection with the server is reset.
        case cut(after: Int)
        /// The same with an end of TCP.
        case end(after: Int)
        /// Says so many bytes, and then the WebSocket is closed with a code, or SPDY by GOAWAY.
        case close(after: Int, UInt16)
        /// Takes no streams, and says that it goes away.
        case goAway
        /// Resets the data stream after so many bytes, with nothing on the error stream.
        case reset(after: Int)
        /// Says so many bytes and ends its side at once; hears to the end, and only then ends the error stream.
        case endsFirst(Int)
        /// A real port of 127.0.0.1.
        case splice(UInt16)
    }

    /// What answers a request for an upgrade, in place of the upgrade.
    public enum Obstacle: Sendable {
        case status(Int, String)
        /// 101 with another subprotocol.
        case otherProtocol
        case silence
        case end
    }

    struct State {
        var plays: [String: Play] = [:]
        var obstacles: [(isWebSocket: Bool?, obstacle: Obstacle, uses: Int?)] = []
        var isSplitting = false
        var isSilentToPings = false
        var answers: [String: (Int, String)] = [:]
        var notes: [Note] = []
    }

    /// What has happened at the server.
    public enum Note: Hashable, Sendable {
        case upgrade(isWebSocket: Bool, pod: String)
        case stream(pod: String, port: UInt16)
        case reset(pod: String, status: UInt32)
        case ping
        /// The client has ended its direction, after so many bytes.
        case end(pod: String, bytes: Int)
        /// By channels: the client has closed the WebSocket, with a code.
        case close(UInt16)
    }

    public static let channels = "v4.channel.k8s.io"

    private let server: UpgradeServer
    private let state: Locked<State>

    public var port: UInt16 { server.port }

    /// - Parameter refusing: what to answer to a request before anything else; nil to go on.
    public init(
        identity: TestAuthority.Pair? = nil, refusing: @escaping @Sendable (ReceivedRequest) -> Int? = { _ in nil }
    ) async throws {
        let state = Locked(State())
        self.state = state
        server = try await UpgradeServer(identity: identity) { request in
            if let status = refusing(request) { return Self.answer(status, "{}") }
            return Self.answer(request, state)
        }
    }

    // MARK: - Scripts

    public func play(_ pod: String, _ port: UInt16, _ play: Play) {
        state.withLock { $0.plays["\(pod):\(port)"] = play }
    }

    /// Puts something in the way of upgrades.
    ///
    /// - Parameters:
    ///   - webSocket: of which kind only; nil for both.
    ///   - times: for how many requests; nil for all.
    public func obstruct(webSocket: Bool? = nil, times: Int? = nil, _ obstacle: Obstacle) {
        state.withLock { $0.obstacles.append((webSocket, obstacle, times)) }
    }

    public func clearTheWay() { state.withLock { $0.obstacles = [] } }

    /// Cuts what it sends to one byte a message, with empty ones and fragments between.
    public func splitMessages() { state.withLock { $0.isSplitting = true } }

    public func ignorePings() { state.withLock { $0.isSilentToPings = true } }

    /// What a request that is for no port-forward is answered with.
    public func answer(_ target: String, status: Int = 200, body: String) {
        state.withLock { $0.answers[target] = (status, body) }
    }

    // MARK: - What happened

    public var notes: [Note] { state.withLock { $0.notes } }

    public var requests: [ReceivedRequest] { server.requests }

    public var openConnections: Int { server.openConnections }

    public var connectionCount: Int { server.connectionCount }

    public func resetConnections() async { await server.resetConnections() }

    public func close() { server.close() }

    /// Bytes that differ from place to place.
    public static func pattern(_ count: Int, from start: Int = 0) -> [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(count)
        while bytes.count < count {
            let place = (start + bytes.count) % block.count
            bytes += block[place..<min(block.count, place + count - bytes.count)]
        }
        return bytes
    }

    /// Of a length that has nothing in common with those of buffers.
    private static let block = (0..<1_000_003).map { UInt8(truncatingIfNeeded: $0 ^ $0 >> 8 ^ $0 >> 16) }

    // MARK: - Answers

    private static func answer(_ status: Int, _ body: String, type: String = "application/json") -> UpgradeServer.Answer
    {
        let head =
            "HTTP/1.1 \(status) Scripted\r\nContent-Type: \(type)\r\nContent-Length: \(body.utf8.count)\r\n"
            + "Connection: close\r\n\r\n"
        return .bytes([Array((head + body).utf8)], closes: true)
    }

    private static func answer(_ request: ReceivedRequest, _ state: Locked<State>) -> UpgradeServer.Answer {
        let parts = request.path.split(separator: "/").map(String.init)
        guard parts.last == "portforward", parts.count == 7 else {
            let known = state.withLock { $0.answers[request.path] }
            let missing = #"{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"NotFound","code":404}"#
            return answer(known?.0 ?? 404, known?.1 ?? missing)
        }
        let pod = parts[5]
        let isWebSocket = request.header("upgrade")?.lowercased() == "websocket"
        let obstacle = state.withLock { state -> Obstacle? in
            guard
                let index = state.obstacles.firstIndex(where: {
                    $0.uses != 0 && ($0.isWebSocket ?? isWebSocket) == isWebSocket
                })
            else {
                state.notes.append(.upgrade(isWebSocket: isWebSocket, pod: pod))
                return nil
            }
            if let uses = state.obstacles[index].uses { state.obstacles[index].uses = uses - 1 }
            return state.obstacles[index].obstacle
        }
        var subprotocol = "SPDY/3.1+portforward.k8s.io"
        switch obstacle {
        case .silence: return .silence
        case .end: return .bytes([], closes: true)
        case .status(let status, let body): return answer(status, body)
        case .otherProtocol: subprotocol = "v4.channel.k8s.io"
        case nil: break
        }
        if isWebSocket, request.header("sec-websocket-protocol") == channels {
            guard let port = request.query["ports"].flatMap({ UInt16($0) }), port > 0 else {
                return answer(400, "query parameter \"port\" is required\n", type: "text/plain")
            }
            let agreed = obstacle == nil ? channels : "SPDY/3.1+portforward.k8s.io"
            return upgrade(head(for: request, subprotocol: agreed), pod, channelsOf: port, state)
        }
        if isWebSocket {
            guard request.method == "GET", request.header("sec-websocket-protocol") == "SPDY/3.1+portforward.k8s.io",
                request.header("sec-websocket-version") == "13", request.header("sec-websocket-key") != nil
            else { return answer(400, "unable to upgrade: no tunneling spdy protocols provided\n", type: "text/plain") }
            let head = head(for: request, subprotocol: subprotocol)
            return upgrade(head, pod, isWebSocket: true, state)
        }
        guard request.header("upgrade")?.lowercased() == "spdy/3.1" else {
            return answer(400, "Upgrade request required", type: "text/plain")
        }
        guard let version = request.header("x-stream-protocol-version") else {
            return answer(
                400, "unable to upgrade: header X-Stream-Protocol-Version does not exist\n", type: "text/plain")
        }
        guard version == "portforward.k8s.io" else {
            return answer(403, "unable to upgrade: unable to negotiate protocol\n", type: "text/plain")
        }
        let agreed = obstacle == nil ? "portforward.k8s.io" : "v4.channel.k8s.io"
        let head = head(for: request, subprotocol: agreed)
        return upgrade(head, pod, isWebSocket: false, state)
    }

    private static func upgrade(
        _ head: String, _ pod: String, isWebSocket: Bool, _ state: Locked<State>
    ) -> UpgradeServer.Answer {
        .upgrade(Array(head.utf8)) { channel in
            try channel.pipeline.syncOperations.addHandler(
                ForwardingHandler(pod: pod, isWebSocket: isWebSocket, state))
        }
    }

    private static func upgrade(
        _ head: String, _ pod: String, channelsOf port: UInt16, _ state: Locked<State>
    ) -> UpgradeServer.Answer {
        .upgrade(Array(head.utf8)) { channel in
            let (pipeline, translator) = (channel.pipeline.syncOperations, ChannelTranslator(port: port, state))
            try pipeline.addHandler(translator)
            try pipeline.addHandler(ForwardingHandler(pod: pod, isWebSocket: false, state))
            translator.begin(try pipeline.context(handler: translator))
        }
    }

    /// The good answer to a request for a port-forward.
    public static func head(for request: ReceivedRequest, subprotocol: String? = nil) -> String {
        let start = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\n"
        guard let key = request.header("sec-websocket-key") else {
            let agreed = subprotocol ?? "portforward.k8s.io"
            return start + "Upgrade: SPDY/3.1\r\nX-Stream-Protocol-Version: \(agreed)\r\n\r\n"
        }
        return start + "Upgrade: websocket\r\nSec-WebSocket-Accept: \(acceptance(of: key))\r\n"
            + "Sec-WebSocket-Protocol: \(subprotocol ?? "SPDY/3.1+portforward.k8s.io")\r\n\r\n"
    }

    private static func acceptance(of key: String) -> String {
        base64(sha1(Array((key + "258EAFA5-E914-47DA-95CA-C5AB0DC85B11").utf8)))
    }
}
