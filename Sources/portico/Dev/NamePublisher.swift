import Base
import Cluster
import EventLoop
import Names
import Objects
import Proxy
import Relay
import Resolution
import Status

/// Makes known how the Services of a session are found: by variables, in a file and for the command that is run, and by DNS.
/// It is told of every change, by Service.
actor NamePublisher {
    let settings: DevelopmentProxy.Settings
    /// Whose variables are made.
    let namespace: String
    let dns: DNSArgument?
    let domain: DNSName

    private(set) var variables: [ServiceVariables.Variable] = []
    private let file: EnvironmentFile?
    private var server: DNSServer?
    private var services: [ObjectKey: NamedService] = [:]
    private var text = ""
    private var hasBegun = false

    /// - Throws: ``CommandFailure`` if the file of the variables cannot be one.
    init(_ options: NameOptions, _ settings: DevelopmentProxy.Settings, namespace: String) throws {
        self.settings = settings
        self.namespace = namespace
        self.dns = options.dns
        self.domain = options.dnsDomain ?? Self.defaultDomain
        self.file = try options.envFile.map { try EnvironmentFile($0) }
    }

    /// Where DNS queries are answered, once they are.
    var dnsAddress: SocketAddress? { server?.address }

    /// Makes known how these Services are served now.
    ///
    /// - Throws: ``CommandFailure`` if the file cannot be written or, at the first call, DNS cannot be served; what could be
    ///   done is done.
    func update(_ changed: [ServedName]) throws {
        var isVisible = !hasBegun
        var changes: [ObjectKey: NamedService?] = [:]
        for name in changed {
            let now = NamedService(name, settings.standIn)
            guard services[name.key] != now else { continue }
            services[name.key] = now
            changes.updateValue(now, forKey: name.key)
            if ServiceVariables.concerns(name.key.name, in: name.key.namespace, for: namespace) { isVisible = true }
        }
        if let server {
            if !changes.isEmpty { server.update(changes.map { ($0.key.namespace, $0.key.name, $0.value) }) }
        } else if let dns {
            server = try start(dns, NameTable(services.sorted { $0.key < $1.key }.map(\.value), domain: domain))
        }
        hasBegun = true
        if isVisible {
            let visible = services.filter {
                ServiceVariables.concerns($0.key.name, in: $0.key.namespace, for: namespace)
            }
            let all = ServiceVariables(visible.sorted { $0.key < $1.key }.map(\.value), namespace: namespace)
            variables = all.variables
            text = all.fileText
        }
        // Written if it is different; what failed is tried again with the next change.
        try file?.write(text)
    }

    func stop() {
        server?.stop()
    }

    private static let defaultDomain = DNSName("cluster.local") ?? .root

    private func start(_ argument: DNSArgument, _ table: NameTable) throws -> DNSServer {
        do throws(SystemError) {
            return try DNSServer(on: SocketAddress(argument.address), table)
        } catch {
            let advice =
                error.isPermissionDenied ? "; ports below 1024 need privileges, choose another such as 5353" : ""
            throw CommandFailure("--dns \(argument): \(error)\(advice)")
        }
    }
}
