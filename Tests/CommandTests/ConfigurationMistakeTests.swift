import Testing

@testable import portico

/// What `portico daemon --config` says of files that are wrong.
@Suite("Mistakes in configuration files") struct ConfigurationMistakeTests {
    private let file: ConfigurationFile

    init() throws { file = try ConfigurationFile() }

    @Test("All mistakes are named at once, each with line and field")
    func mistakes() throws {
        let found = try file.mistakes(
            ConfigurationFile.head + """
                bindAddress: eth0
                clusterCIDR: 10.244.0.0/16,x
                iptables: {syncPeriod: 30}
                hostnameOverride: 12
                oomScoreAdj: 5000
                mode: iptable
                nodePortAddresses: [1]
                ipvs: 3
                featureGates: {A: maybe}
                configSyncPeriod: soon
                enableProfiling: 1
                unknown: 1
                """)
        #expect(
            Set(found) == [
                ":3: bindAddress: 'eth0' is not an IP address",
                ":4: clusterCIDR: 'x' is not a range such as 10.244.0.0/16",
                ":5: iptables.syncPeriod: expected a time such as \"30s\", found 30",
                ":6: hostnameOverride: expected text, found 12 (put it in quotes)",
                ":7: oomScoreAdj: --oom-score-adj takes a number from -1000 to 1000",
                ":8: mode: 'iptable' is not one of kube-proxy's modes: userspace, iptables, nftables, ipvs",
                ":9: nodePortAddresses: expected text, found 1 (put it in quotes)",
                ":10: ipvs: expected an object, found 3",
                ":11: featureGates.A: expected true or false, found \"maybe\"",
                ":12: configSyncPeriod: expected a time such as \"30s\", found \"soon\"",
                ":13: enableProfiling: expected true or false, found 1",
                ":14: unknown is not known, and passed over",
            ], "\(found.joined(separator: "\n"))")
        #expect(found.last == ":14: unknown is not known, and passed over")
    }

    @Test("Values that do not fit each other are a mistake of the file")
    func together() throws {
        let found = try file.mistakes(ConfigurationFile.head + "iptables: {syncPeriod: 1s, minSyncPeriod: 2s}")
        #expect(found == [": --iptables-min-sync-period is above --iptables-sync-period"])
    }

    @Test(
        "What is no configuration of kube-proxy is told as that",
        arguments: [
            ("", ": expected a KubeProxyConfiguration, found nothing"),
            ("- a", ": expected a KubeProxyConfiguration, found a list"),
            ("a: [", ":2: not valid YAML"),
            (
                "kind: KubeletConfiguration\napiVersion: kubelet.config.k8s.io/v1beta1",
                ":2: apiVersion: expected kubeproxy.config.k8s.io/v1alpha1, found \"kubelet.config.k8s.io/v1beta1\""
            ),
            (
                "{\"kind\": \"KubeProxyConfiguration\", \"apiVersion\": \"kubeproxy.config.k8s.io/v1alpha1\", \"mode\": 3}",
                ":1: mode: expected text, found 3 (put it in quotes)"
            ),
        ])
    func others(_ text: String, _ expected: String) throws {
        let found = try file.mistakes(text)
        #expect(found.first?.hasPrefix(expected) == true, "\(found)")
    }

    @Test("A file that cannot be read is named")
    func unreadable() throws {
        #expect(throws: ConfigurationMistakes("--config: cannot read /nowhere/x: No such file or directory")) {
            try DaemonCommandLine(["--config", "/nowhere/x"]).settled()
        }
        // Whoever wants to remove the rules or read the help need not have it.
        #expect(try DaemonCommandLine(["--config", "/nowhere/x", "--cleanup"]).settled().contains("--cleanup"))
        #expect(try DaemonCommandLine(["--config=/nowhere/x", "--help"]).settled().contains("--help"))
    }
}
