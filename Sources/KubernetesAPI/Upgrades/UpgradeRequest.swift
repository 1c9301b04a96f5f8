/// A request to turn a connection with an API server into another protocol, without what the client adds: the server's
/// own path, credentials, host.
public struct UpgradeRequest: Sendable {
    public var method: APIRequest.Method
    /// Path below the server's own and query, both as they are sent: `/api/v1/namespaces/a/pods/b/portforward?x=y`.
    public var target: String
    /// All that the protocol wants, `Connection` and `Upgrade` among it. `Host` and what carries credentials are the
    /// client's to add; credentials or a `User-Agent` here count in place of Portico's.
    public var headers: [(name: String, value: String)]

    public init(_ method: APIRequest.Method, _ target: String, headers: [(name: String, value: String)]) {
        self.method = method
        self.target = target
        self.headers = headers
    }
}

/// What a server made of a request for an upgrade.
public enum UpgradeAnswer: Sendable {
    /// 101. The connection is the taker's, who has to close it.
    case upgraded(UpgradedConnection)
    /// Any other status. The connection has been closed.
    case refused(UpgradeRefusal)
}

/// An answer in place of an upgrade.
public struct UpgradeRefusal: Sendable {
    public var status: Int
    /// Names in lower case.
    public var headers: [(name: String, value: String)]
    /// At most 64 KiB of it.
    public var body: [UInt8]
    /// The body is all that there was.
    public var isWhole: Bool

    /// What the server says, for people: the message of a Status, or the first line of a text, shortened; such as
    /// `403 (pods "x" is forbidden: …)`.
    public var words: String { APIStatus(code: status, body: body).words }

    /// The first value of a header.
    ///
    /// - Parameter name: in lower case.
    public func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}

extension UpgradeAnswer: StatusBearing {
    var status: Int {
        switch self {
        case .upgraded: 101
        case .refused(let refusal): refusal.status
        }
    }
}
