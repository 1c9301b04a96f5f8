internal import Base
internal import Documents
internal import FoundationEssentials

/// What a plug-in meets on this machine.
public struct ExecHost: Sendable {
    public var environment: [String: String]
    /// Standard input is a terminal, and nobody else reads it.
    public var mayAsk: Bool
    /// How long a plug-in may take, in seconds. A user may have to log in with a browser meanwhile.
    public var limit: Int

    public init(environment: [String: String], mayAsk: Bool = false, limit: Int = 240) {
        self.environment = environment
        self.mayAsk = mayAsk
        self.limit = limit
    }
}

/// Runs a plug-in, on a thread of its own, since it may wait for its user.
actor ExecRunner {
    private let executor = QueueExecutor(label: "portico.exec-plugin")
    private let plugin: ExecPlugin
    private let access: ClusterAccess
    private let host: ExecHost

    /// Far more than a token and a certificate have.
    static let outputLimit = 1 << 20

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(_ plugin: ExecPlugin, _ access: ClusterAccess, _ host: ExecHost) {
        self.plugin = plugin
        self.access = access
        self.host = host
    }

    /// Blocks this actor's thread until the program has ended.
    func run(_ stop: Command.Stop) throws(APIError) -> ExecCredential {
        if plugin.interactiveMode == .always, !host.mayAsk {
            throw failure("has to ask its user, and standard input is not a terminal, or is used otherwise")
        }
        guard let path = path() else { throw failure("not found") }
        var command = Command(path: path, arguments: plugin.arguments)
        command.environment = try environment()
        command.sharesInput = plugin.interactiveMode != .never && host.mayAsk
        // Its user is to see what it says, such as the address to log in at.
        command.sharesErrors = true
        command.outputLimit = Self.outputLimit
        let result: Command.Result
        do throws(Command.Failure) {
            result = try command.run(seconds: host.limit, stop: stop)
        } catch {
            switch error {
            case .notStarted(_, let code): throw failure("cannot be run: \(SystemError.reason(code))")
            case .timedOut(_, let seconds): throw failure("did not end within \(seconds) s and was killed")
            case .tooLarge(_, let limit): throw failure("wrote more than \(limit) bytes and was killed")
            case .stopped: throw .cancelled
            }
        }
        guard result.status == 0 else { throw failure("failed with exit code \(result.status)") }
        do throws(ExecError) {
            return try ExecCredential(result.output, version: plugin.version)
        } catch {
            throw failure(error.description)
        }
    }

    private func failure(_ what: String) -> APIError {
        let hint = plugin.installHint.map { ": \($0.onOneLine)" } ?? ""
        return .credentials("\(access.origin): exec: executable \(plugin.command) \(what)\(hint)")
    }

    /// Nil if the program is nowhere. One without folder is never looked for in the working folder.
    private func path() -> String? {
        if plugin.command.contains("/") {
            return LocalFile.fingerprint(plugin.command) == nil ? nil : plugin.command
        }
        let folders = (host.environment["PATH"] ?? "").split(separator: ":").map(String.init)
        return Command.find(plugin.command, in: folders.filter { $0.hasPrefix("/") })
    }

    private func environment() throws(APIError) -> [String] {
        var variables = host.environment.merging(plugin.environment) { $1 }
        let cluster = plugin.providesClusterInfo ? "\"cluster\":\(try clusterInfo())," : ""
        let isInteractive = plugin.interactiveMode != .never && host.mayAsk
        variables["KUBERNETES_EXEC_INFO"] =
            "{\"kind\":\"ExecCredential\",\"apiVersion\":\"\(plugin.version.rawValue)\","
            + "\"spec\":{\(cluster)\"interactive\":\(isInteractive)}}"
        return variables.map { "\($0)=\($1)" }
    }

    /// What is known of the cluster, as JSON.
    private func clusterInfo() throws(APIError) -> String {
        var fields = [("server", JSONText.quoted("\(access.server)"))]
        if let name = access.tlsServerName { fields.append(("tls-server-name", JSONText.quoted(name))) }
        if access.skipsVerification { fields.append(("insecure-skip-tls-verify", "true")) }
        if let authorities = access.authorities {
            do throws(TLSError) {
                let data = Data(try authorities.read("certificate-authority")).base64EncodedString()
                fields.append(("certificate-authority-data", JSONText.quoted(data)))
            } catch {
                throw .credentials("\(access.origin): \(error)")
            }
        }
        if let proxy = access.proxy { fields.append(("proxy-url", JSONText.quoted(proxy.url))) }
        if access.disablesCompression { fields.append(("disable-compression", "true")) }
        if let config = plugin.clusterConfig { fields.append(("config", config)) }
        return "{" + fields.map { "\"\($0)\":\($1)" }.joined(separator: ",") + "}"
    }
}
