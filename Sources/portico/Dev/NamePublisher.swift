import Base
import EventLoop
import Names
import Proxy
import Relay
import Resolution
import Status

/// Makes known how the Services of a session are found: by variables, in a file and for the command that is run, and by DNS.
/// It is told of every change.
actor NamePublisher {
    let settings: DevelopmentProxy.Settings
    /// Whose variables are made.
    let namespace: String
    let dns: DNSArgument?
    let domain: DNSName

    private(set) var variables: [ServiceVariables.Variable] = []
    private let file: EnvironmentFile?
    private var server: DNSServer?
    private var serial: UInt32 = 0

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

    /// Makes known what is served now.
    ///
    /// - Throws: ``CommandFailure`` if the file cannot be written or, at the first call, DNS cannot be served; what could be
    ///   done is done.
    func update(_ state: ClusterState, _ ports: [PortStatus]) throws {
        let services = NamedService.list(state, ports, settings)
        serial += 1
        let table = NameTable(services, domain: domain, serial: serial)
        if let server {
            server.replace(table)
        } else if let dns {
            server = try start(dns, table)
        }
        let variables = ServiceVariables(services, namespace: namespace)
        self.variables = variables.variables
        try file?.write(variables.fileText)
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
