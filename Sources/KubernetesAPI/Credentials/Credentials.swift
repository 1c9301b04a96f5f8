internal import Base
internal import FoundationEssentials

/// The credentials for one cluster, as they are in force for each request: files are read again, and plug-ins run
/// again, when it is time.
///
/// On a queue of its own, since it reads files.
public actor Credentials {
    private let executor = QueueExecutor(label: "portico.credentials")
    public nonisolated let access: ClusterAccess
    private let clock: CredentialClock
    private var tls: TLSFiles
    private var tokenFile: TokenFile?
    private let plugin: ExecCredentials?

    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    public init(_ access: ClusterAccess, host: ExecHost, clock: CredentialClock = .system) {
        self.access = access
        self.clock = clock
        tls = TLSFiles(access)
        switch access.user.authorization {
        case .tokenFile(let path, let first):
            tokenFile = TokenFile(path: path, first: first)
            plugin = nil
        case .exec(let exec):
            plugin = ExecCredentials(ExecRunner(exec, access, host), clock)
        case .none, .token, .basic:
            plugin = nil
        }
    }

    /// What goes with the next request.
    ///
    /// - Throws: ``APIError/credentials(_:)`` if there is nothing that works, ``APIError/cancelled`` if the task is.
    public func current() async throws(APIError) -> RequestCredentials {
        // Anybody on the way could read them.
        guard access.server.isSecure else { return RequestCredentials(headers: [], tls: nil, issue: 0) }
        var credentials = RequestCredentials(headers: [], tls: nil, issue: 0)
        var authorization: String?
        var identity: (certificate: [UInt8], key: [UInt8])?
        switch access.user.authorization {
        case .none: break
        case .token(let token): authorization = "Bearer \(token)"
        case .basic(let user, let password):
            authorization = "Basic " + Data("\(user):\(password)".utf8).base64EncodedString()
        case .tokenFile:
            authorization = try token().map { "Bearer \($0)" }
            credentials.issue = tokenFile?.issue ?? 0
        case .exec:
            guard let plugin else { break }
            let (credential, issue) = try await plugin.current()
            authorization = credential.token.map { "Bearer \($0)" }
            if let certificate = credential.certificate, let key = credential.key { identity = (certificate, key) }
            credentials.issue = issue
        }
        if let authorization { credentials.headers.append(("Authorization", authorization)) }
        credentials.headers += access.user.impersonation?.headers ?? []
        do throws(TLSError) {
            credentials.tls = try tls.current(at: clock.now(), identity: identity)
        } catch {
            throw .credentials("\(access.origin): \(error)")
        }
        return credentials
    }

    /// The server has answered 401 to a request with these: for the next one a token file is read again, or a plug-in
    /// run again, once for all who were refused.
    ///
    /// - Returns: whether that may make a difference, so that trying once more is worth it.
    public func rejected(_ credentials: RequestCredentials) async -> Bool {
        if let plugin { return await plugin.refuse(credentials.issue) }
        return tokenFile?.refuse(credentials.issue, at: clock.now()) ?? false
    }

    private func token() throws(APIError) -> String? {
        do throws(TokenFileError) {
            return try tokenFile?.current(at: clock.now())
        } catch {
            throw .credentials("\(access.origin): \(error)")
        }
    }
}
