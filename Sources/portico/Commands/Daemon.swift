import Admin
import ArgumentParser
import Base
import Glibc
import Host
import KubernetesAPI
import Logging
import Objects
import Proxy
import Redirect
import Relay

/// `portico daemon`: the service proxy of a node, in place of kube-proxy.
struct Daemon: AsyncParsableCommand {
    static let name = "daemon"
    static let configuration = CommandConfiguration(
        commandName: name,
        abstract: "Be the service proxy of a Kubernetes node, in place of kube-proxy.",
        discussion: """
            Traffic to cluster IPs, external IPs, load-balancer IPs and node ports is led here by iptables, and each \
            connection carried to the next endpoint in turn. With --proxy-mode iptables the kernel carries it by the same \
            rules as kube-proxy's. It needs root, or the capabilities NET_ADMIN and NET_RAW. \
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

              Have the kernel carry connections, as kube-proxy's iptables mode has:
                portico daemon --config config.conf --proxy-mode iptables

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

    /// Flags without a value, which Go programs give one all the same.
    static let flags = KubeProxyOptions.flags.union([
        "cleanup", "cleanup-own", "cleanup-on-exit", "conntrack-tcp-be-liberal", "takeover-force", "takeover-stay",
        "allow-empty", "masquerade-all",
    ])

    @OptionGroup(title: "What to serve") var manifests: ManifestOptions

    @OptionGroup(title: "Which cluster") var cluster: ClusterOptions

    @OptionGroup(title: "Which node") var node: NodeOptions

    @OptionGroup(title: "How traffic gets here") var rules: RuleOptions

    @OptionGroup(title: "How connections are carried") var relay: RelayOptions

    @OptionGroup(title: "How the kernel carries connections, in the mode iptables") var carriage: CarriageOptions

    @OptionGroup(title: "How it ends and is replaced") var succession: SuccessionOptions

    @OptionGroup(title: "Health") var health: HealthOptions

    @OptionGroup(title: "Metrics and status") var admin: AdminOptions

    @OptionGroup(title: "Kernel settings") var kernel: KernelOptions

    @OptionGroup(title: "In place of kube-proxy") var kubeProxy: KubeProxyOptions

    @OptionGroup(title: "What is printed") var printing: OutputOptions
    @OptionGroup(title: "What is printed") var access: AccessLogOptions
    @OptionGroup(title: "What is printed") var logging: LoggingOptions

    func validate() throws {
        let servesNothing = rules.cleanup || rules.cleanupOwn || kubeProxy.initOnly || kubeProxy.writeConfigTo != nil
        guard servesNothing || !manifests.files.isEmpty || cluster.isGiven || NamedCluster.isInPod else {
            throw ValidationError("nothing to serve: name a cluster with --kubeconfig, or manifests with -f")
        }
        guard manifests.files.isEmpty || !cluster.isGiven else {
            throw ValidationError("manifests and a cluster cannot be served at once: leave out -f or --kubeconfig")
        }
        guard isCarried, !servesNothing else { return }
        do {
            _ = try carriage.carriage(detectingBy: kubeProxy.detectLocalMode, dropsInvalid: true)
        } catch let failure as CommandFailure {
            throw ValidationError(failure.description)
        }
    }

    /// The kernel carries connections by itself.
    private var isCarried: Bool { kubeProxy.carriesInKernel && rules.redirect != .none }

    func run() async throws {
        logging.bootstrap()
        let logger = Logger(label: "daemon")
        if rules.cleanup || rules.cleanupOwn { return try cleanUp() }
        if let path = kubeProxy.writeConfigTo { return try writeConfiguration(to: path, logger) }
        for note in kubeProxy.notes + carriageNotes { logger.warning("\(note)") }
        if kubeProxy.initOnly {
            // What nobody sets here, such as forwarding, is no failure of setting up.
            let refused = applyKernelSettings().filter(\.isRefusal)
            for note in refused { logger.error("\(note)") }
            if !refused.isEmpty { throw ExitCode.failure }
            return
        }
        // Without either, this is a pod, or there is nothing to serve.
        let api = manifests.files.isEmpty ? try NamedCluster(cluster, mayAsk: false, standard: nil) : nil
        Serving.begin(output: printing.output, log: logging.format)
        var settings = node.settings
        if kubeProxy.detectsByNode { settings.clusterRanges = [] }
        settings.healthPort = health.address.flatMap { $0.ip.isLoopback ? nil : $0.port }
        let iptables = rules.redirect == .none ? nil : try findIptables()
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
        let refused = applyKernelSettings()
        for note in refused { logger.warning("\(note)") }
        if isCarried { settings.carriage = try kernelCarriage(refused) }
        let teller = StatusTeller(logger: logger, isInHealth: health.address != nil)
        let meter = SyncMeter()
        let desk = desk(teller, meter, api)
        let accessLog = try access.log()
        var configuration = RelayConfiguration.ofThisMachine(udpTimeout: relay.udpTimeout?.duration)
        configuration.reportsConnections = accessLog != nil
        let restart = Restart(self)
        restart.followUntilServing(logger)
        try await Session<DaemonRole>(
            source: api.map {
                SourceReader(
                    APISource($0.client, .node(named: node.nodeName), meter: $0.meter), teller, mayBeEmpty: true)
            }
                ?? SourceReader(manifests.inputs, teller),
            teller: teller,
            report: NodeReport(format: printing.output, output: .output, node: node.nodeName),
            configuration: configuration, desk: desk, accessLog: accessLog
        ).run(
            DaemonRole(
                settings: settings,
                options: DaemonOptions(
                    syncPeriod: rules.iptablesSyncPeriod.duration, minSyncPeriod: rules.iptablesMinSyncPeriod.duration,
                    drainTimeout: succession.drainTimeout.duration,
                    takeoverDrainTimeout: succession.takeoverDrainTimeout?.duration,
                    cleanupOnExit: rules.cleanupOnExit, healthAddress: health.address,
                    isHealthRequired: health.bindAddressHardFail, takeover: succession.takeover,
                    isTakeoverForced: succession.takeoverForce, staysReplaced: succession.takeoverStay,
                    readyFile: health.readyFile.map(ReadyFile.init), allowsEmpty: succession.allowEmpty,
                    followsCluster: api != nil,
                    needsPodRanges: kubeProxy.detectsByNode,
                    events: api.map {
                        EventRecorder($0.client, node: node.nodeName) { logger.warning("\($0)") }
                    }),
                iptables: iptables, restart: restart, meter: meter, desk: desk))
        if restart.isWanted { throw restart.now() }
    }

    private func desk(_ teller: StatusTeller, _ meter: SyncMeter, _ api: NamedCluster?) -> AdminDesk {
        var subject = AdminSubject(command: "portico daemon", version: Version.number, board: teller.board)
        subject.node = node.nodeName
        subject.mode = (isCarried ? KubeProxyOptions.Mode.iptables : .userspace).rawValue
        subject.services = admin.metricsServices
        subject.sync = meter
        subject.cluster = api.map { .init(meter: $0.meter, server: $0.access.server.authority) }
        subject.configuration = { ConfigurationWriter(self).json }
        subject.verbosity = .init(read: { LogVerbosity.current }, write: { LogVerbosity.set($0) })
        return AdminDesk(
            subject, at: admin.places(ofNode: node.nodeName, isRoot: geteuid() == 0),
            isShared: succession.takeover != nil, teller)
    }

    /// - Returns: what the kernel refuses.
    private func applyKernelSettings() -> [KernelNote] {
        var settings = kernel.settings
        // Nobody listens at proxy ports to which nothing is led.
        settings.listenedPorts =
            (rules.redirect == .none || isCarried ? [] : [node.proxyPortRange.ports])
            + [node.serviceNodePortRange]
        settings.isCarrying = isCarried
        // Only together with the rule that keeps others from the node's own addresses.
        settings.routesLocalhost =
            isCarried && carriage.iptablesLocalhostNodeports && node.nodeportAddresses.includesLocalhost
        return settings.apply(root: kernel.kernelRoot)
    }

    /// What was asked for and cannot be had together.
    private var carriageNotes: [String] {
        guard kubeProxy.carriesInKernel else { return [] }
        if !isCarried {
            return ["--proxy-mode iptables has no effect with --redirect none: the kernel has no rules to carry by"]
        }
        guard node.sourceIp == .preserve else { return [] }
        return ["--source-ip preserve has no effect: it is for connections that are carried here"]
    }

    /// - Parameter refused: what the kernel cannot have.
    private func kernelCarriage(_ refused: [KernelNote]) throws -> KernelCarriage {
        let isLiberal = KernelSettings.isLiberal(root: kernel.kernelRoot)
        var kernel = try carriage.carriage(detectingBy: kubeProxy.detectLocalMode, dropsInvalid: !isLiberal)
        // Then sockets answer there.
        if refused.contains(where: \.isAboutLocalhost) { kernel.routesLocalhost = false }
        return kernel
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

    private func cleanUp() throws {
        let report = Cleanup.run(sparesKubeProxy: rules.cleanupOwn && !rules.cleanup)
        for removed in report.removed { StandardStream.output.write("removed: \(removed)\n") }
        if report.removed.isEmpty, report.errors.isEmpty { StandardStream.output.write("nothing to remove\n") }
        for error in report.errors { StandardStream.error.write("portico: \(error)\n") }
        if !report.errors.isEmpty { throw CommandFailure("encountered an error while tearing down rules") }
    }
}
