/// One thing that can be set on kube-proxy: by a flag, by a field of its configuration file, or by both.
///
/// The table of them is what ``DaemonCommandLine``, ``KubeProxyConfiguration`` and `--write-config-to` go by;
/// docs/kube-proxy.md has it for people, and a test compares the two.
struct KubeProxySetting: Sendable {
    enum Kind: Sendable {
        case text, toggle, integer, number, duration, list
        /// Names with `true` or `false`.
        case gates
    }

    enum Effect: Sendable, Equatable {
        /// `portico daemon` has a flag of this name that does the same.
        case same
        /// The same where the kernel carries connections; in userspace it is taken and nothing more, for this reason.
        case carried(String)
        /// It is taken, so that a unit file or a ConfigMap goes on working. Why that is all is told where it is not
        /// left at its default.
        case none(String)
    }

    /// Without its dashes; nil if there is only a field.
    let flag: String?
    /// With the fields that it is in: `iptables.syncPeriod`; nil if there is only a flag.
    let field: String?
    let kind: Kind
    let effect: Effect
    /// kube-proxy's default, as its flag takes it.
    let standard: String
    /// In a file 0 stands for the default; a flag means it.
    let zeroIsStandard: Bool
    /// The command line wins over the file, as for kube-proxy. Where this is false the file wins.
    let flagWins: Bool

    private init(
        _ flag: String?, _ field: String?, _ kind: Kind, _ effect: Effect = .same, standard: String = "",
        zeroIsStandard: Bool = false, flagWins: Bool = false
    ) {
        self.flag = flag
        self.field = field
        self.kind = kind
        self.effect = effect
        self.standard = standard
        self.zeroIsStandard = zeroIsStandard
        self.flagWins = flagWins
    }

    static let all: [KubeProxySetting] = node + cluster + kernel + modes + service + logs + windows

    // MARK: What is served

    private static let node: [KubeProxySetting] = [
        .init("bind-address", "bindAddress", .text, standard: "0.0.0.0"),
        .init("cluster-cidr", "clusterCIDR", .text),
        .init("hostname-override", "hostnameOverride", .text, flagWins: true),
        .init("nodeport-addresses", "nodePortAddresses", .list),
        .init("proxy-mode", "mode", .text),
        .init("proxy-port-range", "portRange", .text),
        // Without it the time follows from what is exchanged; files of kube-proxy before 1.26 say 250ms.
        .init("udp-timeout", "udpIdleTimeout", .duration, zeroIsStandard: true),
        .init("detect-local-mode", "detectLocalMode", .text),
        .init("pod-bridge-interface", "detectLocal.bridgeInterface", .text, .carried(local)),
        .init("pod-interface-name-prefix", "detectLocal.interfaceNamePrefix", .text, .carried(local)),
        .init("masquerade-all", "iptables.masqueradeAll", .toggle, .carried(source), standard: "false"),
        .init("iptables-masquerade-bit", "iptables.masqueradeBit", .integer, .carried(masquerading), standard: "14"),
        .init(
            "iptables-localhost-nodeports", "iptables.localhostNodePorts", .toggle,
            .carried("node ports answer on localhost unless --nodeport-addresses leaves it out"), standard: "true"),
    ]

    private static let local = "which clients are pods is told by --cluster-cidr, or by podCIDRs of the Node"
    private static let source = "pods see the node as their client anyway; see --source-ip"
    private static let masquerading = "nothing is masqueraded"

    // MARK: Where from

    private static let cluster: [KubeProxySetting] = [
        .init("kubeconfig", "clientConnection.kubeconfig", .text),
        .init("master", nil, .text),
        .init(
            "kube-api-content-type", "clientConnection.contentType", .text, .none(json),
            standard: "application/vnd.kubernetes.protobuf"),
        .init(nil, "clientConnection.acceptContentTypes", .text, .none(json)),
        .init(
            "kube-api-qps", "clientConnection.qps", .number, .none(requests), standard: "5", zeroIsStandard: true),
        .init(
            "kube-api-burst", "clientConnection.burst", .integer, .none(requests), standard: "10",
            zeroIsStandard: true),
        .init(
            "config-sync-period", "configSyncPeriod", .duration, .none("changes are acted on as they come"),
            standard: "15m0s", zeroIsStandard: true),
    ]

    private static let json = "the API server is asked for JSON"
    private static let requests =
        "there are no requests to limit but the lists at the start, and the watches after them"

    // MARK: The machine

    private static let kernel: [KubeProxySetting] = [
        .init("conntrack-max-per-core", "conntrack.maxPerCore", .integer, standard: "32768"),
        .init("conntrack-min", "conntrack.min", .integer, standard: "131072"),
        .init("conntrack-tcp-be-liberal", "conntrack.tcpBeLiberal", .toggle, standard: "false"),
        .init(
            "conntrack-tcp-timeout-established", "conntrack.tcpEstablishedTimeout", .duration, standard: "24h0m0s"),
        .init("conntrack-tcp-timeout-close-wait", "conntrack.tcpCloseWaitTimeout", .duration, standard: "1h0m0s"),
        .init("conntrack-udp-timeout", "conntrack.udpTimeout", .duration, standard: "0s"),
        .init("conntrack-udp-timeout-stream", "conntrack.udpStreamTimeout", .duration, standard: "0s"),
        .init("oom-score-adj", "oomScoreAdj", .integer, standard: "-999"),
    ]

    // MARK: Rules

    private static let modes: [KubeProxySetting] =
        [
            .init(
                "iptables-sync-period", "iptables.syncPeriod", .duration, standard: "30s", zeroIsStandard: true),
            .init(
                "iptables-min-sync-period", "iptables.minSyncPeriod", .duration, standard: "1s",
                zeroIsStandard: true),
        ] + ipvs + nftables

    private static let ipvs: [KubeProxySetting] = [
        .init("ipvs-exclude-cidrs", "ipvs.excludeCIDRs", .list, .none(ipvsOnly)),
        .init(
            "ipvs-min-sync-period", "ipvs.minSyncPeriod", .duration, .none(ipvsOnly), standard: "1s",
            zeroIsStandard: true),
        .init("ipvs-scheduler", "ipvs.scheduler", .text, .none(ipvsOnly)),
        .init("ipvs-strict-arp", "ipvs.strictARP", .toggle, .none(ipvsOnly), standard: "false"),
        .init("ipvs-sync-period", "ipvs.syncPeriod", .duration, .none(ipvsOnly), standard: "30s", zeroIsStandard: true),
        .init("ipvs-tcp-timeout", "ipvs.tcpTimeout", .duration, .none(ipvsOnly), standard: "0s"),
        .init("ipvs-tcpfin-timeout", "ipvs.tcpFinTimeout", .duration, .none(ipvsOnly), standard: "0s"),
        .init("ipvs-udp-timeout", "ipvs.udpTimeout", .duration, .none(ipvsOnly), standard: "0s"),
    ]

    private static let nftables: [KubeProxySetting] = [
        .init(nil, "nftables.masqueradeAll", .toggle, .none(nftablesOnly), standard: "false"),
        .init(nil, "nftables.masqueradeBit", .integer, .none(nftablesOnly), standard: "14"),
        .init(nil, "nftables.minSyncPeriod", .duration, .none(nftablesOnly), standard: "1s", zeroIsStandard: true),
        .init(nil, "nftables.syncPeriod", .duration, .none(nftablesOnly), standard: "30s", zeroIsStandard: true),
    ]

    private static let ipvsOnly = "it is for kube-proxy's mode ipvs"
    private static let nftablesOnly = "it is for kube-proxy's mode nftables; see the fields of iptables"

    // MARK: What others ask

    private static let service: [KubeProxySetting] = [
        .init("healthz-bind-address", "healthzBindAddress", .text, standard: "0.0.0.0:10256"),
        .init("healthz-port", nil, .integer, standard: "10256"),
        .init("metrics-bind-address", "metricsBindAddress", .text, standard: "127.0.0.1:10249"),
        .init("metrics-port", nil, .integer, standard: "10249"),
        .init("bind-address-hard-fail", "bindAddressHardFail", .toggle, standard: "false"),
        .init("show-hidden-metrics-for-version", "showHiddenMetricsForVersion", .text, .none(hidden)),
        .init("profiling", "enableProfiling", .toggle, .none("there are no profiles to ask for"), standard: "false"),
        .init("feature-gates", "featureGates", .gates, .none("there are no feature gates")),
        .init("config", nil, .text), .init("write-config-to", nil, .text), .init("init-only", nil, .toggle),
        .init("cleanup", nil, .toggle),
    ]

    private static let hidden = "no metrics are hidden"

    // MARK: Logs

    private static let logs: [KubeProxySetting] =
        [
            .init("v", "logging.verbosity", .integer, standard: "0", flagWins: true),
            .init("logging-format", "logging.format", .text, standard: "text", flagWins: true),
            .init("log-flush-frequency", nil, .text, .none(lines), standard: "5s"),
            .init("vmodule", nil, .list, .none("-v is for all parts")),
            .init("log-json-info-buffer-size", nil, .text, .none(lines), standard: "0"),
            .init("log-json-split-stream", nil, .toggle, .none(lines), standard: "false"),
            .init("log-text-info-buffer-size", nil, .text, .none(lines), standard: "0"),
            .init("log-text-split-stream", nil, .toggle, .none(lines), standard: "false"),
            .init("alsologtostderr", nil, .toggle, .none(lines), standard: "true"),
            .init("logtostderr", nil, .toggle, .none(lines), standard: "true"),
            .init("one-output", nil, .toggle, .none(lines), standard: "false"),
            .init("skip-headers", nil, .toggle, .none(lines), standard: "false"),
            .init("skip-log-headers", nil, .toggle, .none(lines), standard: "false"),
            .init("log-backtrace-at", nil, .text, .none(lines), standard: ":0"),
            .init("log-dir", nil, .text, .none(lines)), .init("log-file", nil, .text, .none(lines)),
            .init("log-file-max-size", nil, .text, .none(lines), standard: "1800"),
            .init("stderrthreshold", nil, .text, .none(lines), standard: "2"),
        ]

    private static let lines = "log lines go to standard error one by one; see --log-format"

    // MARK: Windows

    private static let windows: [KubeProxySetting] = [
        .init("enable-dsr", "winkernel.enableDSR", .toggle, .none(windowsOnly), standard: "false"),
        .init(
            "forward-healthcheck-vip", "winkernel.forwardHealthCheckVip", .toggle, .none(windowsOnly), standard: "false"
        ),
        .init("network-name", "winkernel.networkName", .text, .none(windowsOnly)),
        .init("root-hnsendpoint-name", "winkernel.rootHnsEndpointName", .text, .none(windowsOnly)),
        .init("source-vip", "winkernel.sourceVip", .text, .none(windowsOnly)),
        .init("windows-service", "windowsRunAsService", .toggle, .none(windowsOnly), standard: "false"),
    ]

    private static let windowsOnly = "it is for Windows"
}

extension KubeProxySetting {
    /// The setting of a flag, without its dashes.
    static func of(flag: String) -> KubeProxySetting? { byFlag[flag] }

    private static let byFlag = Dictionary(
        all.compactMap { setting in setting.flag.map { ($0, setting) } }, uniquingKeysWith: { first, _ in first })

    /// Why it does nothing; nil if it does something.
    ///
    /// - Parameter isCarried: the kernel carries connections.
    func reasonForNothing(_ isCarried: Bool) -> String? {
        switch effect {
        case .same: nil
        case .carried(let reason): isCarried ? nil : reason
        case .none(let reason): reason
        }
    }

    /// Whether a value, as a flag takes it, is what kube-proxy does anyway.
    func isStandard(_ value: String) -> Bool {
        if value == standard { return true }
        guard kind == .duration, let given = try? DurationArgument(value) else { return false }
        return given == (try? DurationArgument(standard))
    }
}
