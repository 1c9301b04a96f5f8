import ArgumentParser

/// Flags of kube-proxy that have nothing to say here: they are taken, so that a unit file goes on working, and told once.
struct KubeProxyOptions: ParsableArguments {
    @Option(help: .hidden) var proxyMode: String?
    @Option(help: .hidden) var iptablesMasqueradeBit: String?
    @Option(help: .hidden) var detectLocalMode: String?
    @Option(help: .hidden) var podBridgeInterface: String?
    @Option(help: .hidden) var podInterfaceNamePrefix: String?
    @Option(help: .hidden) var configSyncPeriod: String?
    @Option(help: .hidden) var featureGates: String?
    @Option(help: .hidden) var showHiddenMetricsForVersion: String?
    @Option(help: .hidden) var kubeApiContentType: String?
    @Option(help: .hidden) var kubeApiQps: String?
    @Option(help: .hidden) var kubeApiBurst: String?
    @Flag(help: .hidden) var masqueradeAll = false
    @Flag(help: .hidden) var iptablesLocalhostNodeports = false
    @Flag(help: .hidden) var profiling = false

    /// Those of them without a value.
    static let flags: Set = ["masquerade-all", "iptables-localhost-nodeports", "profiling"]

    /// One line for each that was given.
    var notes: [String] {
        var notes: [String] = []
        if let proxyMode, proxyMode != "userspace" {
            notes.append("--proxy-mode=\(proxyMode) has no effect: this is always a proxy in userspace")
        }
        let nothing = "has no effect"
        let given: [(String, Bool, String)] = [
            ("iptables-masquerade-bit", iptablesMasqueradeBit != nil, "\(nothing): nothing is masqueraded"),
            ("masquerade-all", masqueradeAll, "\(nothing): pods see the node as their client anyway"),
            ("detect-local-mode", detectLocalMode != nil, "\(nothing): see --cluster-cidr"),
            ("pod-bridge-interface", podBridgeInterface != nil, "\(nothing): see --cluster-cidr"),
            ("pod-interface-name-prefix", podInterfaceNamePrefix != nil, "\(nothing): see --cluster-cidr"),
            ("config-sync-period", configSyncPeriod != nil, nothing),
            ("feature-gates", featureGates != nil, nothing),
            ("show-hidden-metrics-for-version", showHiddenMetricsForVersion != nil, nothing),
            ("kube-api-content-type", kubeApiContentType != nil, nothing),
            ("kube-api-qps", kubeApiQps != nil, nothing), ("kube-api-burst", kubeApiBurst != nil, nothing),
            ("profiling", profiling, nothing),
        ]
        return notes + given.filter(\.1).map { "--\($0.0) \($0.2)" }
    }
}
