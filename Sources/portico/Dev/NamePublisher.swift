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

    private let file: EnvironmentFile?
    /// There are other variables than those in the file.
    private var isFileBehind = true
    private var server: DNSServer?
    private var services: [ObjectKey: NamedService] = [:]

    /// - Throws: ``CommandFailure`` if the file of the variables cannot be one.
    init(_ options: NameOptions, _ settings: DevelopmentProxy.Settings, namespace: String) throws {
        self.settings = settings
        self.namespace = namespace
        self.dns = options.dns
        self.domain = options.dnsDomain ?? Self.defaultDomain
        self.file = try options.envFile.map { try EnvironmentFile($0) }
    }

    /// By which the Services of the namespace are found now. Made when somebody asks, from all of them.
    var variables: ServiceVariables {
        ServiceVariables(services.filter { isVisible($0.key) }.map(\.value), namespace: namespace)
    }

    private func isVisible(_ key: ObjectKey) -> Bool {
        ServiceVariables.concerns(key.name, in: key.namespace, for: namespace)
    }

    /// Where DNS queries are answered, once they are.
    var dnsAddress: SocketAddress? { server?.address }

    /// Makes known how these Services are served now.
    ///
    /// - Throws: ``CommandFailure`` if the file cannot be written or, at the first call, DNS cannot be served; what could be
    ///   done is done.
    func update(_ changed: [ServedName]) throws {
        var changes: [ObjectKey: NamedService?] = [:]
        for name in changed {
            let now = NamedService(name, settings.standIn)
            guard services[name.key] != now else { continue }
            services[name.key] = now
            changes.updateValue(now, forKey: name.key)
            if isVisible(name.key) { isFileBehind = true }
        }
        if let server {
            if !changes.isEmpty { server.update(changes) }
        } else if let dns {
            server = try start(dns, NameTable(services.sorted { $0.key < $1.key }.map(\.value), domain: domain))
        }
        // What failed is tried again with the next change.
        if let file, isFileBehind {
            try file.write(variables.fileText)
            isFileBehind = false
        }
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
