import ArgumentParser
import Base
import Glibc
import Host
import KubernetesAPI
import Logging
import Objects
import Proxy
import Redirect

/// `portico daemon`: the service proxy of a node, in place of kube-proxy.
struct Daemon: AsyncParsableCommand {
    static let name = "daemon"
    static let configuration = CommandConfiguration(
        commandName: name,
        abstract: "Be the service proxy of a Kubernetes node, in place of kube-proxy.",
        discussion: """
            Traffic to cluster IPs, external IPs, load-balancer IPs and node ports is led here by iptables, and each \
            connection carried to the next endpoint in turn. It needs root, or the capabilities NET_ADMIN and NET_RAW. \
            Rules stay in force when it ends, so that it can be replaced; --cleanup removes them.

            EXAMPLES
              Serve a cluster, on one of its nodes:
                portico daemon --kubeconfig /var/lib/kube-proxy/kubeconfig.conf

              In place of kube-proxy, with its configuration file:
                portico daemon --config /var/lib/kube-proxy/config.conf \\
                  --hostname-override node2

              Serve what manifests describe, as the node node2 would:
                portico daemon -f manifests/ --hostname-override node2

              See the rules first, without root:
                portico render -f manifests/ --hostname-override node2

              Node ports only, without touching the firewall:
                portico daemon -f manifests/ --redirect none

              Replace a running daemon without losing a connection:
                portico daemon -f manifests/ --takeover /run/portico.sock

              Remove all rules, also those of a former kube-proxy in any mode:
                portico daemon --cleanup

            EXIT STATUS
              0: an orderly end. 1: something failed. 64: the command line is wrong.
              128 + n: signal n cut the drain short.

            FLAGS OF KUBE-PROXY
              All are taken, written as there: --cleanup=true,
              --iptables-sync-period=1m0s, -v2. Those that do nothing here say so when
              they ask for something; docs/kube-proxy.md has each.
            """
    )

    enum Redirection: String, ExpressibleByArgument, CaseIterable {
        case iptables, none
    }

    /// Flags without a value, which Go programs give one all the same.
    static let flags = KubeProxyOptions.flags.union([
        "cleanup", "cleanup-on-exit", "conntrack-tcp-be-liberal", "takeover-force", "allow-empty",
    ])

    @OptionGroup(title: "What to serve") var node: NodeOptions

    @OptionGroup(title: "Which cluster") var cluster: ClusterOptions

    @Option(help: "How traffic gets here: by iptables, or not at all, which leaves node ports and health checks.")
    var redirect = Redirection.iptables

    @Option(
        help: ArgumentHelp(
            "How often the rules are checked, and what failed is tried again, at least. (default: 30s)",
            valueName: "duration"),
        transform: { try DurationArgument($0) })
    var iptablesSyncPeriod = DurationArgument(.seconds(30))

    @Option(
        help: ArgumentHelp(
            "How long changes of the rules are apart at least, but for the first two; 0 for no limit. (default: 1s)",
            valueName: "duration"),
        transform: { try DurationArgument($0) })
    var iptablesMinSyncPeriod = DurationArgument(.seconds(1))

    @OptionGroup var relay: RelayOptions

    @Option(
        help: ArgumentHelp(
            "How long open connections may take to end after a signal to end. (default: 25s)", valueName: "duration"),
        transform: { try DurationArgument($0) })
    var drainTimeout = DurationArgument(.seconds(25))

    @Option(
        help: ArgumentHelp(
            "Take over from the daemon that offers its sockets at this Unix socket, if there is one; then offer them here.",
            discussion: "So one process follows another without a client noticing: see docs/hot-restart.md.",
            valueName: "path"),
        completion: .file())
    var takeover: String?

    @Option(
        help: ArgumentHelp(
            "How long open connections may take to end once another process has taken over. (default: no limit)",
            discussion: "A signal in that time begins the --drain-timeout.", valueName: "duration"),
        transform: { try DurationArgument($0) })
    var takeoverDrainTimeout: DurationArgument?

    @Flag(
        help: ArgumentHelp(
            "If the process to take over from does not answer for 10 seconds, kill it.",
            discussion: "Its open connections are lost, and so are clients that wait to be accepted."))
    var takeoverForce = false

    @Flag(help: "Take over even with nothing to serve, or when not all of it can be read.")
    var allowEmpty = false

    @Option(
        help: ArgumentHelp(
            "Where /healthz and /livez are answered; empty for nowhere. (default: 0.0.0.0:10256)",
            valueName: "address:port"),
        transform: { try HealthAddressArgument($0) })
    var healthzBindAddress = HealthAddressArgument.standard

    @Flag(help: "Remove all rules of this program and of a kube-proxy in any mode, and end.")
    var cleanup = false

    @Flag(help: "Remove the rules at the end, before open connections are waited for.")
    var cleanupOnExit = false

    @OptionGroup(title: "Kernel settings") var kernel: KernelOptions

    @OptionGroup var kubeProxy: KubeProxyOptions

    @Option(help: "Print for people or for programs (one JSON object a line).")
    var output: OutputFormat = .text

    @OptionGroup(title: "Logging") var logging: LoggingOptions

    func validate() throws {
        let servesNothing = cleanup || kubeProxy.initOnly || kubeProxy.writeConfigTo != nil
        guard servesNothing || !node.files.isEmpty || cluster.isGiven || NamedCluster.isInPod else {
            throw ValidationError("nothing to serve: name a cluster with --kubeconfig, or manifests with -f")
        }
        guard node.files.isEmpty || !cluster.isGiven else {
            throw ValidationError("manifests and a cluster cannot be served at once: leave out -f or --kubeconfig")
        }
        guard takeover != nil || !takeoverForce, takeover != nil || takeoverDrainTimeout == nil else {
            throw ValidationError("--takeover-force and --takeover-drain-timeout are for --takeover")
        }
        guard iptablesSyncPeriod.duration > .zero else {
            throw ValidationError("--iptables-sync-period has to be above 0")
        }
        guard iptablesMinSyncPeriod.duration <= iptablesSyncPeriod.duration else {
            throw ValidationError("--iptables-min-sync-period is above --iptables-sync-period")
        }
    }

    func run() async throws {
        logging.bootstrap()
        let logger = Logger(label: "daemon")
        guard !cleanup else { return try cleanUp() }
        if let path = kubeProxy.writeConfigTo { return try writeConfiguration(to: path, logger) }
        for note in kubeProxy.notes { logger.warning("\(note)") }
        if kubeProxy.initOnly {
            // What nobody sets here, such as forwarding, is no failure of setting up.
            let refused = applyKernelSettings().filter(\.isRefusal)
            for note in refused { logger.error("\(note)") }
            if !refused.isEmpty { throw ExitCode.failure }
            return
        }
        // Without either, this is a pod, or there is nothing to serve.
        let api = node.files.isEmpty ? try NamedCluster(cluster, mayAsk: false, standard: nil) : nil
        Serving.begin(output: output, log: logging.format)
        var settings = node.settings
        if kubeProxy.detectsByNode { settings.clusterRanges = [] }
        settings.healthPort = healthAddress.flatMap { $0.ip.isLoopback ? nil : $0.port }
        let iptables = redirect == .none ? nil : try findIptables()
        if iptables != nil { settings.apiServer = api.flatMap { EndpointAddress($0.access.server.authority) } }
        if let iptables {
            do throws(RedirectError) {
                try iptables.checkAccess(.ipv6)
            } catch {
                // Many machines do without it, and for clients over IPv4 nothing is wrong.
                settings.redirectedFamilies = [.ipv4]
                logger.warning("only IPv4 is redirected: \(error)")
            }
        }
        for note in applyKernelSettings() { logger.warning("\(note)") }
        let teller = StatusTeller(logger: logger, isInHealth: healthAddress != nil)
        let restart = Restart(self)
        restart.followUntilServing(logger)
        try await Session<DaemonRole>(
            source: api.map {
                SourceReader(APISource($0.client, .node(named: node.nodeName)), teller, mayBeEmpty: true)
            }
                ?? SourceReader(node.inputs, teller),
            teller: teller,
            report: NodeReport(format: output, output: .output, node: node.nodeName),
            configuration: .ofThisMachine(udpTimeout: relay.udpTimeout?.duration)
        ).run(
            DaemonRole(
                settings: settings,
                options: DaemonOptions(
                    syncPeriod: iptablesSyncPeriod.duration, minSyncPeriod: iptablesMinSyncPeriod.duration,
                    drainTimeout: drainTimeout.duration, takeoverDrainTimeout: takeoverDrainTimeout?.duration,
                    cleanupOnExit: cleanupOnExit, healthAddress: healthAddress,
                    isHealthRequired: kubeProxy.bindAddressHardFail, takeover: takeover,
                    isTakeoverForced: takeoverForce, allowsEmpty: allowEmpty, followsCluster: api != nil,
                    needsPodRanges: kubeProxy.detectsByNode,
                    events: api.map {
                        EventRecorder($0.client, node: node.nodeName) { logger.warning("\($0)") }
                    }),
                iptables: iptables, restart: restart))
        if restart.isWanted { throw restart.now() }
    }

    /// - Returns: what the kernel refuses.
    private func applyKernelSettings() -> [KernelNote] {
        var settings = kernel.settings
        // Nobody listens at proxy ports to which nothing is led.
        settings.listenedPorts = (redirect == .none ? [] : [node.proxyPortRange.ports]) + [node.serviceNodePortRange]
        return settings.apply(root: kernel.kernelRoot)
    }

    private func findIptables() throws -> Iptables {
        do {
            let iptables = try Iptables.find()
            try iptables.checkAccess(.ipv4)
            return iptables
        } catch {
            throw CommandFailure("\(error); or serve node ports only, with --redirect none")
        }
    }

    /// Of `/healthz`; nil for none.
    var healthAddress: EndpointAddress? {
        guard let port = kubeProxy.healthzPort else { return healthzBindAddress.address }
        return port == 0 ? nil : healthzBindAddress.address(withPort: port)
    }

    private func cleanUp() throws {
        let report = Cleanup.run()
        for removed in report.removed { StandardStream.output.write("removed: \(removed)\n") }
        if report.removed.isEmpty, report.errors.isEmpty { StandardStream.output.write("nothing to remove\n") }
        for error in report.errors { StandardStream.error.write("portico: \(error)\n") }
        if !report.errors.isEmpty { throw CommandFailure("encountered an error while tearing down rules") }
    }
}
