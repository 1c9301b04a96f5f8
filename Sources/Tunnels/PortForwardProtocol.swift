internal import Base
internal import Glibc
internal import KubernetesAPI
internal import NIOCore
internal import NIOHTTP1
internal import NIOWebSocket

/// What is spoken between the API server and here.
enum PortForwardProtocol: Hashable {
    /// SPDY frames in the messages of a WebSocket. API servers from 1.31 on.
    case webSocket
    /// SPDY frames by themselves. All API servers, but not all that stands between.
    case spdy
    /// Messages of a WebSocket that name their channel. All API servers, for one port and one connection each.
    case channels

    static let name = "portforward.k8s.io"
    static let tunnelName = "SPDY/3.1+portforward.k8s.io"
    static let channelsName = "v4.channel.k8s.io"

    /// What to try where SPDY is refused in this way.
    var other: PortForwardProtocol { self == .webSocket ? .spdy : .webSocket }

    /// That of a WebSocket; nil where there is none.
    private var subprotocol: String? {
        switch self {
        case .webSocket: Self.tunnelName
        case .spdy: nil
        case .channels: Self.channelsName
        }
    }

    /// - Parameter key: of a WebSocket.
    func request(for pod: LineKey, key: String) -> UpgradeRequest {
        // A name may come from a command line, and is not to become another path.
        let target =
            "/api/v1/namespaces/\(pod.namespace.percentEncoded)/pods/\(pod.name.percentEncoded)/portforward"
            + (pod.port.map { "?ports=\($0)" } ?? "")
        guard let subprotocol else {
            return UpgradeRequest(
                .post, target,
                headers: [
                    ("Connection", "Upgrade"), ("Upgrade", "SPDY/3.1"), ("X-Stream-Protocol-Version", Self.name),
                    ("Content-Length", "0"),
                ])
        }
        return UpgradeRequest(
            .get, target,
            headers: [
                ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
                ("Sec-WebSocket-Key", key), ("Sec-WebSocket-Protocol", subprotocol),
            ])
    }

    /// Whether a server that switches protocols has switched to this one.
    func isAgreed(by answer: UpgradedConnection, key: String) -> Bool {
        guard let subprotocol else {
            return answer.header("upgrade")?.lowercased() == "spdy/3.1"
                && answer.header("x-stream-protocol-version") ?? Self.name == Self.name
        }
        let head = HTTPResponseHead(
            version: .http1_1, status: .switchingProtocols,
            headers: HTTPHeaders(answer.headers.map { ($0.name, $0.value) }))
        let check = NIOWebSocketClientUpgrader(requestKey: key) { channel, _ in
            channel.eventLoop.makeSucceededVoidFuture()
        }
        return answer.header("sec-websocket-protocol") == subprotocol
            && answer.header("upgrade")?.lowercased() == "websocket"
            && check.shouldAllowUpgrade(upgradeResponse: head)
    }
}

/// What one upgrade is for: a pod, and by channels one port of it.
struct LineKey: Hashable {
    var namespace: String
    var name: String
    /// Nil for all ports.
    var port: UInt16?

    init(_ pod: PodPort, isForOnePort: Bool = false) {
        (namespace, name) = (pod.namespace, pod.pod)
        port = isForOnePort ? pod.port : nil
    }
}

extension TunnelFailure {
    /// A server answers with something else than an upgrade.
    init(_ refusal: UpgradeRefusal, for pod: LineKey, server: String) {
        let said = "\(server) answers \(refusal.words.onOneLine)"
        switch refusal.status {
        case 401:
            self.init(code: EACCES, text: "\(said) to a port-forward; are the kubeconfig's credentials still good?")
        case 403:
            self.init(
                code: EACCES,
                text: "not allowed to create pods/portforward in namespace \(pod.namespace): \(said); a Role with the "
                    + "verbs create and get on pods/portforward lets you")
        case 404: self.init(code: EHOSTUNREACH, text: "no pod \(pod.namespace)/\(pod.name): \(said)")
        default:
            self.init(
                code: EHOSTUNREACH, text: "no port-forward to the pod \(pod.namespace)/\(pod.name): \(said)")
        }
    }

    /// A server does not answer.
    init(_ error: APIError) {
        let code: Int32 =
            switch error {
            case .unreachable: ENETUNREACH
            case .silent: ETIMEDOUT
            case .broken: ECONNRESET
            case .credentials: EACCES
            case .tooLarge: EPROTO
            case .cancelled: ECANCELED
            }
        self.init(code: code, text: "\(error)")
    }

    /// What a node says on the error stream.
    init(pod text: [UInt8], _ pod: PodPort) {
        let words = String(decoding: text, as: UTF8.self).onOneLine
        let code =
            words.contains("reset by peer") || words.contains("broken pipe")
            ? ECONNRESET
            : words.contains("connection refused")
                ? ECONNREFUSED
                : words.contains("timed out") || words.contains("timeout")
                    ? ETIMEDOUT
                    : words.contains("not exist") || words.contains("not found") ? EHOSTUNREACH : ECONNREFUSED
        let reason =
            code == ECONNREFUSED && words.contains("connection refused")
            ? "nothing listens on port \(pod.port) of localhost in the pod \(pod.namespace)/\(pod.pod)"
            : "the pod \(pod) cannot be reached"
        self.init(code: code, text: "\(reason) (\(words.suffix(200)))", isRefusal: Self.isRefusal(words))
    }

    /// Runtimes also say there how a connection ended that had come about.
    private static func isRefusal(_ words: String) -> Bool {
        let signs = [
            "failed to connect", "failed to dial", "connection refused", "timed out waiting for streams", "not found",
            "not exist", "is closed",
        ]
        let words = words.lowercased()
        return signs.contains { words.contains($0) }
    }
}
