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

/// Makes known how the Services of a session are found: by variables and by the names of hosts, in files and for the
/// command that is run, and by DNS. It is told of every change, by Service.
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
    private var isHostsFileBehind = true
    /// What the command sees; nil if there is none, or it finds Services by variables alone.
    private var commandHosts: CommandHosts?
    private var isCommandBehind = true
    /// Brings the command up to date once it may see the next change.
    private var pause: Task<Void, Never>?
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
    /// - Throws: ``CommandFailure`` for the first thing that cannot be done, such as a file to be written or, at the
    ///   first call, DNS to be served; all others are done.
    func update(_ changed: [ServedName]) throws {
        var changes: [ObjectKey: NamedService?] = [:]
        for name in changed {
            let now = NamedService(name, settings.standIn)
            guard services[name.key] != now else { continue }
            services[name.key] = now
            changes.updateValue(now, forKey: name.key)
            if isVisible(name.key) { isFileBehind = true }
            (isHostsFileBehind, isCommandBehind) = (true, true)
        }
        var failures: [any Error] = []
        func attempt(_ step: () throws -> Void) {
            do { try step() } catch { failures.append(error) }
        }
        if let server {
            if !changes.isEmpty { server.update(changes) }
        } else if let dns {
            let services = services.sorted { $0.key < $1.key }.map(\.value)
            attempt { server = try start(dns, NameTable(services, domain: domain, namespace: namespace)) }
        }
        // What failed is tried again with the next change, and keeps nothing else from being done.
        if let file, isFileBehind {
            attempt {
                try file.write(variables.fileText)
                isFileBehind = false
            }
        }
        if let hostsFile, isHostsFileBehind {
            attempt {
                try hostsFile.write(hosts.text)
                isHostsFileBehind = false
            }
        }
        attempt(updateCommand)
        if let first = failures.first { throw first }
    }

    private func updateCommand() throws {
        // The system's own lines, which are in front, are looked at each time.
        guard let commandHosts, isCommandBehind || commandHosts.isBehindSystem, pause == nil else { return }
        guard let rest = commandHosts.rest else {
            try commandHosts.update(hosts)
            isCommandBehind = false
            return
        }
        pause = Task { [weak self] in
            guard (try? await Task.sleep(for: rest)) != nil else { return }
            await self?.endPause()
        }
    }

    private func endPause() {
        pause = nil
        // What fails is tried again, and told, with the next change.
        try? updateCommand()
    }

    /// Starts the program behind `--`, which finds the Services by variables, and by name where the system lets it.
    ///
    /// - Throws: as ``UserCommand/init(_:adding:in:covers:ended:)``.
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
            (commandHosts, isCommandBehind) = (seen, false)
            for line in seen.remarks(on: hosts) { logger.notice("\(line)") }
            return command
        } catch let refusal as NamespaceRefusal {
            logger.warning("the program finds Services by its variables, and not by their names: \(refusal)")
            return try start()
        }
    }

    func stop() {
        server?.stop()
        pause?.cancel()
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
