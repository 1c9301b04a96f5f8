// What entries of a kubeconfig hold, as it is written there. The empty text is the same as none, as it is for kubectl.

protocol KubeconfigRecord: Decodable {
    init()
}

struct ContextRecord: KubeconfigRecord {
    var cluster: String?
    var user: String?
    var namespace: String?
}

struct ClusterRecord: KubeconfigRecord {
    var server: String?
    var tlsServerName: String?
    var skipsVerification: Bool?
    var authority: String?
    var authorityData: String?
    var proxy: String?
    var disablesCompression: Bool?

    private enum CodingKeys: String, CodingKey {
        case server
        case tlsServerName = "tls-server-name"
        case skipsVerification = "insecure-skip-tls-verify"
        case authority = "certificate-authority"
        case authorityData = "certificate-authority-data"
        case proxy = "proxy-url"
        case disablesCompression = "disable-compression"
    }
}

struct UserRecord: KubeconfigRecord {
    var certificate: String?
    var certificateData: String?
    var key: String?
    var keyData: String?
    var token: String?
    var tokenFile: String?
    var username: String?
    var password: String?
    var impersonatedUser: String?
    var impersonatedUID: String?
    var impersonatedGroups: [String]?
    var impersonatedExtra: [String: [String]]?
    var exec: ExecRecord?
    var authProvider: AuthProviderRecord?

    private enum CodingKeys: String, CodingKey {
        case certificate = "client-certificate"
        case certificateData = "client-certificate-data"
        case key = "client-key"
        case keyData = "client-key-data"
        case token, tokenFile, username, password
        case impersonatedUser = "as"
        case impersonatedUID = "as-uid"
        case impersonatedGroups = "as-groups"
        case impersonatedExtra = "as-user-extra"
        case exec
        case authProvider = "auth-provider"
    }
}

struct ExecRecord: Decodable {
    struct Variable: Decodable {
        var name: String
        var value: String?
    }

    var apiVersion: String?
    var command: String?
    var args: [String]?
    var env: [Variable]?
    var installHint: String?
    var interactiveMode: String?
    var provideClusterInfo: Bool?
}

struct AuthProviderRecord: Decodable {
    var name: String?
    var config: [String: String]?
}

extension String? {
    /// Nil also for the empty text.
    var content: String? { self?.isEmpty == false ? self : nil }
}
