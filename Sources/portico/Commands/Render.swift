import Admin
import ArgumentParser
import Base
import Cluster
import Host
import Logging
import Manifests
import Objects
import Proxy
import Redirect
import Resolution
import Status

/// `portico render`: prints the rules that `portico daemon` would apply.
struct Render: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "render",
        abstract: "Print the iptables rules that the daemon would apply, without root and without applying them.",
        discussion: """
            It prints what iptables-restore --noflush would be given on a host without rules; a running daemon sends \
            only the lines that change. Addresses of this host are looked up, those of the node in the manifests are \
            taken from its Node object.

            With --proxy-mode iptables it prints the rules by which the kernel carries connections itself, chain by chain, \
            which are those that a kube-proxy would have on this node.

            EXAMPLES
              portico render -f manifests/ --hostname-override node2
              portico render -f manifests/ --proxy-mode iptables | grep my-service
              portico render -f manifests/ --hostname-override node2 --ipv6 |
                ip6tables-restore --test --noflush
            """
    )

    @OptionGroup(title: "What to serve") var manifests: ManifestOptions

    @OptionGroup(title: "Which node") var node: NodeOptions

    enum Mode: String, ExpressibleByArgument, CaseIterable {
        case userspace, iptables
    }

    @Option(help: "To lead traffic to the daemon, or to have the kernel carry it as kube-proxy's iptables mode does.")
    var proxyMode = Mode.userspace

    @OptionGroup(title: "How the kernel carries connections, in the mode iptables") var carriage: CarriageOptions

    @Option(
        help: ArgumentHelp(
            "How pods are known other than by where they have their addresses: by their interfaces.",
            valueName: "BridgeInterface|InterfaceNamePrefix"))
    var detectLocalMode: String?

    @Flag(name: .customLong("ipv4"), help: "Only the rules for IPv4.") var onlyIPv4 = false
    @Flag(name: .customLong("ipv6"), help: "Only the rules for IPv6.") var onlyIPv6 = false

    @OptionGroup(title: "Logging") var logging: LoggingOptions

    func validate() throws {
        guard !manifests.files.isEmpty else { throw ValidationError("nothing to render: name manifests with -f") }
        guard !(onlyIPv4 && onlyIPv6) else { throw ValidationError("--ipv4 and --ipv6 leave nothing") }
    }

    func run() async throws {
        logging.bootstrap()
        let logger = Logger(label: "render")
        let teller = StatusTeller(logger: logger)
        let objects = try await SourceReader(manifests.inputs, teller).first().changes
        var settings = node.settings
        if proxyMode == .iptables {
            settings.carriage = try carriage.carriage(detectingBy: detectLocalMode, dropsInvalid: true)
        }
        // Where the daemon answers unless told otherwise.
        settings.healthPort = BindAddressArgument.healthPort
        let interfaces = try NetworkInterfaces.current()
        let rendering = NodeRendering(objects, settings) { [settings] node in
            NodeAddresses(interfaces, node: node, settings)
        }
        teller.update { status in
            status.replace(rendering.problems, of: .services)
            status.replace(notes: rendering.notes.map { Note($0, isDetail: true) }, of: .services)
        }
        for warning in rendering.warnings { logger.warning("\(warning)") }
        for family in IPAddress.Family.allCases where family == .ipv4 ? !onlyIPv6 : !onlyIPv4 {
            let name = family == .ipv4 ? "IPv4" : "IPv6"
            guard let rules = RuleSet(rendering.change, family) else {
                logger.notice("no rules for \(name): this host has no address of that family")
                continue
            }
            if !onlyIPv4, !onlyIPv6 { StandardStream.output.write("# \(name)\n") }
            if proxyMode == .userspace, rendering.change.node?.preservesSource == true {
                for command in PolicyRoute(family).commands { StandardStream.output.write("# \(command)\n") }
            }
            StandardStream.output.write(rules.transaction(from: RuleSet(family: family)) ?? "")
        }
    }
}
