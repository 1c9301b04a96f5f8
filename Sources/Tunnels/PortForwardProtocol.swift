internal import Base
internal import Glibc
internal import KubernetesAPI
internal import NIOCore
internal import NIOHTTP1
internal import NIOWebSocket

/// How SPDY frames are carried between the API server and here.
enum PortForwardProtocol: Hashable, CaseIterable {
    /// In the messages of a WebSocket. API servers from 1.31 on.
    case webSocket
    /// By themselves. All API servers, but not all that stands between.
    case spdy

    static let name = "portforward.k8s.io"
    static let tunnelName = "SPDY/3.1+portforward.k8s.io"

    var other: PortForwardProtocol { self == .webSocket ? .spdy : .webSocket }

    /// - Parameter key: of a WebSocket.
    func request(for pod: PodName, key: String) -> UpgradeRequest {
        // A name may come from a command line, and is not to become another path.
        let target =
            "/api/v1/namespaces/\(pod.namespace.percentEncoded)/pods/\(pod.name.percentEncoded)/portforward"
        switch self {
        case .webSocket:
            return UpgradeRequest(
                .get, target,
                headers: [
                    ("Connection", "Upgrade"), ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
                    ("Sec-WebSocket-Key", key), ("Sec-WebSocket-Protocol", Self.tunnelName),
                ])
        case .spdy:
            return UpgradeRequest(
                .post, target,
                headers: [
                    ("Connection", "Upgrade"), ("Upgrade", "SPDY/3.1"), ("X-Stream-Protocol-Version", Self.name),
                    ("Content-Length", "0"),
                ])
        }
    }

    /// Whether a server that switches protocols has switched to this one.
    func isAgreed(by answer: UpgradedConnection, key: String) -> Bool {
        switch self {
        case .webSocket:
            let head = HTTPResponseHead(
                version: .http1_1, status: .switchingProtocols,
                headers: HTTPHeaders(answer.headers.map { ($0.name, $0.value) }))
            let check = NIOWebSocketClientUpgrader(requestKey: key) { channel, _ in
                channel.eventLoop.makeSucceededVoidFuture()
            }
            return answer.header("sec-websocket-protocol") == Self.tunnelName
                && answer.header("upgrade")?.lowercased() == "websocket"
                && check.shouldAllowUpgrade(upgradeResponse: head)
        case .spdy:
            return answer.header("upgrade")?.lowercased() == "spdy/3.1"
                && answer.header("x-stream-protocol-version") ?? Self.name == Self.name
        }
    }
}

/// A pod, whatever its ports: what one upgrade is for.
struct PodName: Hashable {
    var namespace: String
    var name: String

    init(_ pod: PodPort) { (namespace, name) = (pod.namespace, pod.pod) }
}

extension TunnelFailure {
    /// A server answers with something else than an upgrade.
    init(_ refusal: UpgradeRefusal, for pod: PodName, server: String) {
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
