import APITestSupport
import ArgumentParser
import Base
import Proxy
import TestSupport
import Testing

@testable import portico

/// `portico daemon --config`: what it makes of the files that kube-proxy has, and of the flags beside them.
@Suite("Configuration files of kube-proxy") struct KubeProxyConfigurationTests {
    private let folder: TemporaryDirectory

    init() throws { folder = try TemporaryDirectory() }

    private static let head = "apiVersion: kubeproxy.config.k8s.io/v1alpha1\nkind: KubeProxyConfiguration\n"

    private func daemon(_ text: String, _ arguments: String...) throws -> Daemon {
        try folder.write(Self.head + text, to: "config.conf")
        return try command(["--config=\(folder.file("config.conf"))"] + arguments)
    }

    private func command(_ arguments: [String]) throws -> Daemon {
        let line = try DaemonCommandLine(arguments).settled()
        return try #require(try Portico.parseAsRoot([Daemon.name] + line) as? Daemon)
    }

    private func mistakes(_ text: String) throws -> [String] {
        try folder.write(text, to: "config.conf")
        do throws(ConfigurationMistakes) {
            _ = try KubeProxyConfiguration(file: folder.file("config.conf"))
            return []
        } catch {
            return error.lines.map { String($0.dropFirst(folder.file("config.conf").count)) }
        }
    }

    /// What a daemon says of it, without the folder that the test happens to be in.
    private func notes(of daemon: Daemon) -> [String] {
        daemon.kubeProxy.notes.map { note in
            guard let range = note.firstRange(of: folder.path + "/") else { return note }
            return String(note[..<range.lowerBound] + note[range.upperBound...])
        }
    }

    @Test("kubeadm's file is served in userspace mode, with one warning")
    func kubeadm() throws {
        let daemon = try daemon(Self.kubeadm, "--hostname-override=Node1")
        #expect(daemon.cluster.kubeconfig == "/var/lib/kube-proxy/kubeconfig.conf")
        #expect(daemon.node.clusterCidr.map(\.description) == ["10.244.0.0/16", "fd00:244::/56"])
        #expect(daemon.node.nodeName == "node1")
        #expect(daemon.iptablesSyncPeriod.duration == .seconds(30), "0 stands for the default")
        #expect(daemon.iptablesMinSyncPeriod.duration == .seconds(1))
        #expect(daemon.healthAddress == EndpointAddress("0.0.0.0:10256"), "nothing stands for the default")
        #expect(daemon.kernel.conntrackMaxPerCore == 32_768 && daemon.kernel.oomScoreAdj == -999)
        #expect(
            notes(of: daemon) == [
                "the mode iptables, which kube-proxy takes where none is named, is not there yet, and is served as userspace; "
                    + "--strict-mode refuses that"
            ])
        #expect(throws: (any Error).self) { try self.daemon(Self.kubeadm, "--strict-mode") }
        #expect(try self.daemon("mode: userspace", "-f", "x", "--strict-mode").kubeProxy.notes == [])
    }

    @Test("Every field that means something here has the effect of its flag")
    func effects() throws {
        let daemon = try daemon(
            """
            bindAddress: 192.0.2.7
            bindAddressHardFail: true
            clientConnection: {kubeconfig: /etc/k, qps: 50, burst: 0}
            conntrack: {maxPerCore: 0, min: 5, tcpBeLiberal: true, tcpCloseWaitTimeout: 2m, tcpEstablishedTimeout: 0s, udpTimeout: 7s,
              udpStreamTimeout: 1m30s}
            healthzBindAddress: 127.0.0.1
            iptables: {syncPeriod: 1m0s, minSyncPeriod: 250ms}
            logging: {format: json, verbosity: 4, flushFrequency: 5s}
            nodePortAddresses: [192.0.2.0/24, primary]
            oomScoreAdj: -5
            portRange: 20000-20999
            udpIdleTimeout: 250ms
            """)
        #expect(daemon.node.settings.bindAddress == IPAddress("192.0.2.7"))
        #expect(daemon.kubeProxy.bindAddressHardFail)
        #expect(daemon.cluster.kubeconfig == "/etc/k")
        let kernel = daemon.kernel
        #expect((kernel.conntrackMaxPerCore, kernel.conntrackMin, kernel.oomScoreAdj) == (0, 5, -5))
        #expect(kernel.conntrackTcpBeLiberal)
        #expect(kernel.conntrackTcpTimeoutCloseWait.duration == .seconds(120))
        #expect(kernel.conntrackTcpTimeoutEstablished.duration == .zero, "0 leaves it as it is")
        #expect(kernel.conntrackUdpTimeout.duration == .seconds(7))
        #expect(kernel.conntrackUdpTimeoutStream.duration == .seconds(90))
        #expect(daemon.healthAddress == EndpointAddress("127.0.0.1:10256"))
        #expect(daemon.iptablesSyncPeriod.duration == .seconds(60))
        #expect(daemon.iptablesMinSyncPeriod.duration == .milliseconds(250))
        #expect(daemon.logging.format == .json && daemon.logging.verbosity == 4)
        #expect(daemon.node.nodeportAddresses.description == "192.0.2.0/24,primary")
        #expect(daemon.node.proxyPortRange.ports == 20_000...20_999)
        #expect(daemon.relay.udpTimeout?.duration == .milliseconds(250))
        #expect(
            notes(of: daemon) == [
                "config.conf:5: clientConnection.qps has no effect: there are no requests to limit but the lists at the start, and the "
                    + "watches after them"
            ])
    }

    @Test("What has no effect is told where it asks for something, and only there")
    func withoutEffect() throws {
        let daemon = try daemon(
            "ipvs: {scheduler: rr, strictARP: false}\nconfigSyncPeriod: 15m\nfeatureGates: {A: true}\nwinkernel: {sourceVip: 192.0.2.1}",
            "-f", "x", "--profiling=false", "--masquerade-all=true", "--ipvs-sync-period", "1m", "--log_dir=/var/log")
        #expect(
            notes(of: daemon) == [
                "--masquerade-all has no effect: pods see the node as their client anyway; see --source-ip",
                "--ipvs-sync-period has no effect: it is for kube-proxy's mode ipvs",
                "--log-dir has no effect: log lines go to standard error one by one; see --log-format",
                "config.conf:3: ipvs.scheduler has no effect: it is for kube-proxy's mode ipvs",
                "config.conf:5: featureGates has no effect: there are no feature gates",
                "config.conf:6: winkernel.sourceVip has no effect: it is for Windows",
            ])
    }

    @Test(
        "The file wins over kube-proxy's flags, the command line in the node's name and the log, and our own flags count"
    )
    func precedence() throws {
        let daemon = try daemon(
            "clusterCIDR: 10.1.0.0/16\nhostnameOverride: file\nlogging: {verbosity: 1}\nconntrack: {tcpBeLiberal: false}",
            "-f", "x", "--cluster-cidr=10.2.0.0/16", "--hostname-override", "line", "-v", "3", "--redirect=none",
            "--conntrack-tcp-be-liberal", "--oom-score-adj=-1")
        #expect(daemon.node.clusterCidr.map(\.description) == ["10.1.0.0/16"])
        #expect(daemon.node.nodeName == "line" && daemon.logging.verbosity == 3)
        #expect(daemon.redirect == .none)
        #expect(!daemon.kernel.conntrackTcpBeLiberal)
        #expect(daemon.kernel.oomScoreAdj == -1, "the file says nothing of it")
        #expect(
            notes(of: daemon) == [
                "--cluster-cidr is overruled by clusterCIDR in config.conf:3",
                "--conntrack-tcp-be-liberal is overruled by conntrack.tcpBeLiberal in config.conf:6",
            ])
        #expect(try self.daemon("hostnameOverride: file", "-f", "x").node.nodeName == "file")
    }

    @Test("All mistakes are named at once, each with line and field")
    func mistakes() throws {
        let found = try mistakes(
            Self.head + """
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
        let found = try mistakes(Self.head + "iptables: {syncPeriod: 1s, minSyncPeriod: 2s}")
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
        let found = try mistakes(text)
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

    @Test("A field that is set twice counts as it was set last, and unknown ones are passed over")
    func lenient() throws {
        let daemon = try daemon(
            "clusterCIDR: 10.1.0.0/16\niptabels: {syncPeriod: 3s}\nclusterCIDR: 10.2.0.0/16\nconntrack: {minn: 1}",
            "-f", "x")
        #expect(daemon.node.clusterCidr.map(\.description) == ["10.2.0.0/16"])
        #expect(
            notes(of: daemon) == [
                "config.conf:4: iptabels is not known, and passed over",
                "config.conf:5: clusterCIDR is set again; what line 3 says does not count",
                "config.conf:6: conntrack.minn is not known, and passed over",
            ])
    }

    @Test("What is written with --write-config-to is read back as the same, and is a file for kube-proxy")
    func written() throws {
        let flags = [
            "--cluster-cidr=10.1.0.0/16,fd00::/48", "--ipvs-scheduler=rr", "--feature-gates=A=true,B=false", "-v4",
            "--nodeport-addresses=primary,10.0.0.0/8", "--healthz-bind-address=127.0.0.1:1", "--kubeconfig=/k: \"1\"",
            "--conntrack-tcp-timeout-established=90m", "--proxy-mode=ipvs",
        ]
        let first = ConfigurationWriter(try command(flags)).text
        try folder.write(first, to: "written")
        #expect(try mistakes(first) == [])
        let again = try command(["--config", folder.file("written")])
        #expect(ConfigurationWriter(again).text == first)
        #expect(again.node.clusterCidr.count == 2 && again.logging.verbosity == 4)
        #expect(again.cluster.kubeconfig == "/k: \"1\"")
        for line in [
            "mode: \"ipvs\"", "  scheduler: \"rr\"", "featureGates: {\"A\":true,\"B\":false}", "  masqueradeBit: 14",
        ] {
            #expect(first.split(separator: "\n").contains(line[...]), "\(first)")
        }
    }

    @Test("What matters of a changed file is what it asks for, beside what the process was really started with")
    func watch() throws {
        let path = folder.file("config.conf")
        func write(_ text: String) throws { try folder.write(Self.head + text, to: "config.conf") }
        try write("clusterCIDR: 10.1.0.0/16\nipvs: {scheduler: rr}")
        let arguments = ["--config", path, "-f", "x"]
        let atStart = try ConfigurationWriter(command(arguments)).effect
        // It is another before anybody looks.
        try write("clusterCIDR: 10.2.0.0/16")
        let watch = try #require(ConfigurationWatch(arguments, atStart: atStart))
        #expect(watch.look() == .changed)
        try write(
            "# A line more.\nclusterCIDR: 10.1.0.0/16\nmetricsBindAddress: 0.0.0.0:1\nconfigSyncPeriod: 15m\nunknown: 1"
        )
        #expect(watch.look() == .same, "what has no effect, and where it stands, is no reason to start anew")
        try write(
            "bindAddress: 0.0.0.0\nclusterCIDR: 10.1.0.0/16\niptables: {minSyncPeriod: 1000ms, syncPeriod: 0m30s}\nportRange: ''"
        )
        #expect(watch.look() == .same, "a default that is written out, or in other words, is none either")
        try write("clusterCIDR: 10.1.0.0/16\nmode: iptables")
        #expect(watch.look() == .changed)
        try write("clusterCIDR: 10.1.0.0")
        guard case .wrong = watch.look() else {
            _ = Issue.record("a wrong value")
            return
        }
        if ConfigurationWatch(["-f", "x"], atStart: "") != nil { Issue.record("there is no file to watch") }
    }

    @Test("A daemon is not started anew with a kubeconfig that cannot be read")
    func rehearsal() throws {
        let arguments = ["--config", folder.file("config.conf")]
        try folder.write(Self.head + "clientConnection: {kubeconfig: \(folder.file("absent"))}", to: "config.conf")
        let watch = try #require(ConfigurationWatch(arguments, atStart: ""))
        guard case .wrong(let mistakes) = watch.look() else {
            _ = Issue.record("it is not there")
            return
        }
        #expect(mistakes.lines.first?.contains("absent") == true)
    }

    @Test("Flags of kube-proxy in unit files and DaemonSets are taken", arguments: Self.lines)
    func commandLines(_ line: CommandLineOfOthers) throws {
        let daemon = try command(line.arguments.split(separator: " ").map(String.init))
        #expect(daemon.node.nodeName == "node1" || !line.arguments.contains("hostname-override"))
        #expect(daemon.cluster.kubeconfig != nil)
        #expect(notes(of: daemon).map { $0.prefix { $0 != " " } } == line.notes)
    }

    struct CommandLineOfOthers: Sendable, CustomTestStringConvertible {
        let testDescription: String
        let arguments: String
        /// How the lines begin that are told.
        let notes: [Substring]
    }

    private static let lines = [
        CommandLineOfOthers(
            testDescription: "k3s",
            arguments: """
                --cluster-cidr=10.42.0.0/16 --conntrack-max-per-core=0 --conntrack-tcp-timeout-close-wait=0s \
                --conntrack-tcp-timeout-established=0s --healthz-bind-address=127.0.0.1 --hostname-override=node1 \
                --kubeconfig=/var/lib/rancher/k3s/agent/kubeproxy.kubeconfig --proxy-mode=iptables
                """,
            notes: ["the"]),
        CommandLineOfOthers(
            testDescription: "MicroK8s",
            arguments: """
                --kubeconfig=/var/snap/microk8s/1/credentials/proxy.config --cluster-cidr=10.1.0.0/16 \
                --healthz-bind-address=127.0.0.1 --profiling=false
                """,
            notes: []),
        CommandLineOfOthers(
            testDescription: "a static pod of a cloud",
            arguments: """
                --master=https://192.0.2.1 --kubeconfig=/var/lib/kube-proxy/kubeconfig --cluster-cidr=10.0.0.0/14 \
                --oom-score-adj=-998 --v=2 --feature-gates=A=true --iptables-sync-period=1m --iptables-min-sync-period=10s \
                --ipvs-sync-period=1m --ipvs-min-sync-period=10s --detect-local-mode=NodeCIDR --hostname-override=node1 \
                --log_dir=/var/log --alsologtostderr=true --healthz-port=10256 --metrics-port=0
                """,
            notes: [
                "--feature-gates", "--ipvs-sync-period", "--ipvs-min-sync-period", "--log-dir", "--metrics-port",
            ]),
    ]

    @Test("Every flag and field of kube-proxy stands in docs/kube-proxy.md with what becomes of it")
    func documented() throws {
        let repository = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
        let page = String(decoding: try contents(of: "\(repository)/docs/kube-proxy.md"), as: UTF8.self)
        for setting in KubeProxySetting.all {
            if let flag = setting.flag {
                #expect(page.contains("`--\(flag)`") || page.contains("`-\(flag)`"), "\(flag)")
            }
            if let field = setting.field { #expect(page.contains("`\(field)`"), "\(field)") }
        }
    }

    static let kubeadm = """
        bindAddress: 0.0.0.0
        bindAddressHardFail: false
        clientConnection:
          acceptContentTypes: ""
          burst: 0
          contentType: ""
          kubeconfig: /var/lib/kube-proxy/kubeconfig.conf
          qps: 0
        clusterCIDR: 10.244.0.0/16,fd00:244::/56
        configSyncPeriod: 0s
        conntrack:
          maxPerCore: null
          min: null
          tcpBeLiberal: false
          tcpCloseWaitTimeout: null
          tcpEstablishedTimeout: null
          udpStreamTimeout: 0s
          udpTimeout: 0s
        detectLocal:
          bridgeInterface: ""
          interfaceNamePrefix: ""
        detectLocalMode: ""
        enableProfiling: false
        featureGates: null
        healthzBindAddress: ""
        hostnameOverride: ""
        iptables:
          localhostNodePorts: null
          masqueradeAll: false
          masqueradeBit: null
          minSyncPeriod: 0s
          syncPeriod: 0s
        ipvs:
          excludeCIDRs: null
          minSyncPeriod: 0s
          scheduler: ""
          strictARP: false
          syncPeriod: 0s
          tcpFinTimeout: 0s
          tcpTimeout: 0s
          udpTimeout: 0s
        logging:
          flushFrequency: 0
          options:
            json:
              infoBufferSize: "0"
            text:
              infoBufferSize: "0"
          verbosity: 0
        metricsBindAddress: ""
        mode: ""
        nftables:
          masqueradeAll: false
          masqueradeBit: null
          minSyncPeriod: 0s
          syncPeriod: 0s
        nodePortAddresses: null
        oomScoreAdj: null
        portRange: ""
        showHiddenMetricsForVersion: ""
        winkernel:
          enableDSR: false
          forwardHealthCheckVip: false
          networkName: ""
          rootHnsEndpointName: ""
          sourceVip: ""
        """
}
