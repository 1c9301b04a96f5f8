import Base
import Cluster
import EventLoop
import Logging
import Names
import Objects
import Proxy
import Relay
import Resolution
import Status

/// Makes known how the Services of a session are found: by variables and by the names of hosts, in files and for the command that is
/// run, and by DNS. It is told of every change, by Service.
actor NamePublisher {
    let settings: DevelopmentProxy.Settings
    /// Whose variables are made.
    let namespace: String
    let dns: DNSArgument?
    let domain: DNSName

    private let file: PublishedFile?
    /// There are other variables than those in the file.
    private var isFileBehind = true
    private let hostsFile: PublishedFile?
    private var areHostsBehind = true
    /// What the command sees; nil if there is none, or it finds Services by variables alone.
    private var commandHosts: CommandHosts?
    /// A command is to find Services by name.
    private let namesForCommand: Bool
    /// Where the command is to be; nil for where this process is.
    private let commandFolder: String?
    private var server: DNSServer?
    private var services: [ObjectKey: NamedService] = [:]

    /// - Throws: ``CommandFailure`` if a file that is to be written cannot be one.
    init(
        _ options: NameOptions, _ settings: DevelopmentProxy.Settings, namespace: String, commandFolder: String? = nil
    ) throws {
        self.commandFolder = commandFolder
        self.settings = settings
        self.namespace = namespace
        self.dns = options.dns
        self.namesForCommand = options.names
        self.domain = options.dnsDomain ?? Self.defaultDomain
        self.file = try options.envFile.map { try PublishedFile("--env-file", $0) }
        self.hostsFile = try options.hostsFile.map { try PublishedFile("--hosts-file", $0) }
    }

    /// By which the Services of the namespace are found now. Made when somebody asks, from all of them.
    var variables: ServiceVariables {
        ServiceVariables(services.filter { isVisible($0.key) }.map(\.value), namespace: namespace)
    }

    /// By which hosts they are found now.
    var hosts: HostsFile { HostsFile(services.values, namespace: namespace, domain: domain) }

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
            areHostsBehind = true
        }
        if let server {
            if !changes.isEmpty { server.update(changes) }
        } else if let dns {
            let services = services.sorted { $0.key < $1.key }.map(\.value)
            server = try start(dns, NameTable(services, domain: domain, namespace: namespace))
        }
        // What failed is tried again with the next change.
        if let file, isFileBehind {
            try file.write(variables.fileText)
            isFileBehind = false
        }
        guard hostsFile != nil || commandHosts != nil else { return }
        // Those of the system, which are in front of them, are looked at each time.
        if areHostsBehind || commandHosts?.isBehindSystem == true {
            let hosts = hosts
            try hostsFile?.write(hosts.text)
            try commandHosts?.update(hosts)
            areHostsBehind = false
        }
    }

    /// Starts the program behind `--`, which finds the Services by variables, and by name where the system lets it.
    ///
    /// - Throws: as ``UserCommand/init(_:adding:covers:ended:)``.
    func start(
        _ arguments: [String], _ logger: Logger, ended: @escaping @Sendable () -> Void
    ) throws -> UserCommand {
        let variables = variables.variables
        let folder = commandFolder
        func start(_ covers: [ForegroundProgram.Cover] = []) throws -> UserCommand {
            try UserCommand(arguments, adding: variables, in: folder, covers: covers, ended: ended)
        }
        guard namesForCommand else { return try start() }
        let hosts = hosts
        do {
            let (command, seen) = try CommandHosts.start(hosts) { try start($0) }
            commandHosts = seen
            for line in seen.remarks(on: hosts) { logger.notice("\(line)") }
            return command
        } catch let refusal as NamespaceRefusal {
            logger.warning("the program finds Services by its variables, and not by their names: \(refusal)")
            return try start()
        }
    }

    func stop() {
        server?.stop()
        commandHosts = nil
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
