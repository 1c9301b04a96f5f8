/// How to reach one cluster, and as whom: a context of a kubeconfig, or what a pod finds in its file system, with all
/// names looked up and all paths made whole.
public struct ClusterAccess: Hashable, Sendable, CustomStringConvertible {
    /// Where it comes from, for messages: `context "kind" of /home/me/.kube/config`.
    public var origin: String
    public var server: ServerURL
    /// The name that the server's certificate has to have; nil for the server's host.
    public var tlsServerName: String?
    public var skipsVerification = false
    /// Who vouches for the server; nil for those that the machine trusts.
    public var authorities: PEM?
    /// From `proxy-url`; nil leaves it to the environment.
    public var proxy: ProxyURL?
    /// Answers are not to be compressed; of use where the way to the server is fast.
    public var disablesCompression = false
    public var user = UserAccess()
    /// The context's namespace; nil if it has none.
    public var namespace: String?

    public init(origin: String, server: ServerURL) {
        self.origin = origin
        self.server = server
    }

    /// Without secrets, whoever prints it.
    public var description: String { "\(origin): \(server)" }
}

/// Certificates or a key, where they are kept. Files are read again when they change.
public enum PEM: Hashable, Sendable {
    case data([UInt8])
    case file(String)
}

/// As whom to speak. Over plain HTTP none of it is sent.
public struct UserAccess: Hashable, Sendable {
    public enum Authorization: Hashable, Sendable {
        case none
        case token(String)
        /// The token is what the file has now; `first` is used while it cannot be read for the first time.
        case tokenFile(String, first: String?)
        case basic(user: String, password: String)
        case exec(ExecPlugin)
    }

    public var authorization = Authorization.none
    public var certificate: PEM?
    public var key: PEM?
    public var impersonation: Impersonation?

    public init() {}
}

public struct Impersonation: Hashable, Sendable {
    public var user: String
    public var uid: String?
    public var groups: [String] = []
    public var extra: [String: [String]] = [:]

    public init(user: String) { self.user = user }

    /// What stands for it in the head of each request.
    var headers: [(name: String, value: String)] {
        var headers = [(name: "Impersonate-User", value: user)]
        if let uid { headers.append(("Impersonate-Uid", uid)) }
        headers += groups.map { ("Impersonate-Group", $0) }
        for (key, values) in extra.sorted(by: { $0.key < $1.key }) {
            headers += values.map { ("Impersonate-Extra-\(key.percentEncoded)", $0) }
        }
        return headers
    }
}

/// A program that tells credentials (`client.authentication.k8s.io`).
public struct ExecPlugin: Hashable, Sendable {
    public enum Version: String, Hashable, Sendable {
        case v1 = "client.authentication.k8s.io/v1"
        case v1beta1 = "client.authentication.k8s.io/v1beta1"
    }

    public enum InteractiveMode: String, Hashable, Sendable, CaseIterable {
        case never = "Never"
        case ifAvailable = "IfAvailable"
        case always = "Always"
    }

    public var version: Version
    /// A path that is whole, or a name to be found in PATH.
    public var command: String
    public var arguments: [String] = []
    public var environment: [String: String] = [:]
    public var installHint: String?
    public var interactiveMode = InteractiveMode.ifAvailable
    /// It is told about the cluster.
    public var providesClusterInfo = false
    /// What it is told besides: the cluster's extension `client.authentication.k8s.io/exec`, as JSON.
    public var clusterConfig: String?

    public init(_ version: Version, command: String) {
        self.version = version
        self.command = command
    }
}
