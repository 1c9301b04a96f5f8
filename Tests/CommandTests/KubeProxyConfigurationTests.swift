import Base
import Proxy
import Redirect
import TestSupport
import Testing

@testable import portico

/// `portico daemon --config`: what it makes of the files that kube-proxy has, and of the flags beside them.
@Suite("Configuration files of kube-proxy") struct KubeProxyConfigurationTests {
    private let file: ConfigurationFile

    init() throws { file = try ConfigurationFile() }

    @Test("kubeadm's file is served in userspace mode, with one warning")
    func kubeadm() throws {
        let daemon = try file.daemon(ConfigurationFile.kubeadm, "--hostname-override=Node1")
        #expect(daemon.cluster.kubeconfig == "/var/lib/kube-proxy/kubeconfig.conf")
        #expect(daemon.node.clusterCidr.map(\.description) == ["10.244.0.0/16", "fd00:244::/56"])
        #expect(daemon.node.nodeName == "node1")
        #expect(daemon.rules.iptablesSyncPeriod.duration == .seconds(30), "0 stands for the default")
        #expect(daemon.rules.iptablesMinSyncPeriod.duration == .seconds(1))
        #expect(daemon.health.address == EndpointAddress("0.0.0.0:10256"), "nothing stands for the default")
        #expect(daemon.kernel.conntrackMaxPerCore == 32_768 && daemon.kernel.oomScoreAdj == -999)
        #expect(
            file.notes(of: daemon) == [
                "no mode is named, where kube-proxy takes iptables: it is served as userspace; --strict-mode refuses that"
            ])
        #expect(throws: (any Error).self) { try file.daemon(ConfigurationFile.kubeadm, "--strict-mode") }
        #expect(try file.daemon("mode: userspace", "-f", "x", "--strict-mode").kubeProxy.notes == [])
    }

    @Test("Every field that means something here has the effect of its flag")
    func effects() throws {
        let daemon = try file.daemon(
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
        #expect(daemon.health.bindAddressHardFail)
        #expect(daemon.cluster.kubeconfig == "/etc/k")
        let kernel = daemon.kernel
        #expect((kernel.conntrackMaxPerCore, kernel.conntrackMin, kernel.oomScoreAdj) == (0, 5, -5))
        #expect(kernel.conntrackTcpBeLiberal)
        #expect(kernel.conntrackTcpTimeoutCloseWait.duration == .seconds(120))
        #expect(kernel.conntrackTcpTimeoutEstablished.duration == .zero, "0 leaves it as it is")
        #expect(kernel.conntrackUdpTimeout.duration == .seconds(7))
        #expect(kernel.conntrackUdpTimeoutStream.duration == .seconds(90))
        #expect(daemon.health.address == EndpointAddress("127.0.0.1:10256"))
        #expect(daemon.rules.iptablesSyncPeriod.duration == .seconds(60))
        #expect(daemon.rules.iptablesMinSyncPeriod.duration == .milliseconds(250))
        #expect(daemon.logging.format == .json && daemon.logging.verbosity == 4)
        #expect(daemon.node.nodeportAddresses.description == "192.0.2.0/24,primary")
        #expect(daemon.node.proxyPortRange.ports == 20_000...20_999)
        #expect(daemon.relay.udpTimeout?.duration == .milliseconds(250))
        #expect(
            file.notes(of: daemon) == [
                "config.conf:5: clientConnection.qps has no effect: there are no requests to limit but the lists at the start, and the "
                    + "watches after them"
            ])
    }

    @Test("What has no effect is told where it asks for something, and only there")
    func withoutEffect() throws {
        let daemon = try file.daemon(
            "ipvs: {scheduler: rr, strictARP: false}\nconfigSyncPeriod: 15m\nfeatureGates: {A: true}\nwinkernel: {sourceVip: 192.0.2.1}",
            "-f", "x", "--profiling=false", "--masquerade-all=true", "--ipvs-sync-period", "1m", "--log_dir=/var/log")
        #expect(
            file.notes(of: daemon) == [
                "--masquerade-all has no effect: pods see the node as their client anyway; see --source-ip",
                "--ipvs-sync-period has no effect: it is for kube-proxy's mode ipvs",
                "--log-dir has no effect: log lines go to standard error one by one; see --log-format",
                "config.conf:3: ipvs.scheduler has no effect: it is for kube-proxy's mode ipvs",
                "config.conf:5: featureGates has no effect: there are no feature gates",
                "config.conf:6: winkernel.sourceVip has no effect: it is for Windows",
            ])
    }

    @Test("In the iptables mode what is about its rules has an effect, and is checked in every mode")
    func carried() throws {
        let text =
            "mode: iptables\niptables: {masqueradeAll: true, masqueradeBit: 7, localhostNodePorts: false}\n"
            + "detectLocalMode: BridgeInterface\ndetectLocal: {bridgeInterface: cbr0}"
        let daemon = try file.daemon(text, "-f", "x", "--strict-mode")
        #expect(file.notes(of: daemon) == [])
        #expect(daemon.kubeProxy.carriesInKernel)
        let carriage = try daemon.carriage.carriage(detectingBy: daemon.kubeProxy.detectLocalMode, dropsInvalid: true)
        #expect(
            carriage
                == KernelCarriage(
                    podInterfaces: .bridge("cbr0"), routesLocalhost: false, masqueradeBit: 7, masqueradesAll: true))
        // As Go takes it, and back again.
        let flags = ["-f", "x", "--proxy-mode=iptables", "--iptables-localhost-nodeports", "--masquerade-all=true"]
        let given = try file.command(flags).carriage
        #expect(given.iptablesLocalhostNodeports && given.masqueradeAll)
        try file.folder.write(ConfigurationWriter(daemon).text, to: "written")
        let again = try file.command(["-f", "x", "--config", file.folder.file("written")])
        #expect(ConfigurationWriter(again).text == ConfigurationWriter(daemon).text)
        for mode in ["userspace", "iptables"] {
            #expect(throws: (any Error).self) {
                try file.daemon("mode: \(mode)\niptables: {masqueradeBit: 32}", "-f", "x")
            }
        }
        let incomplete = ["-f", "x", "--proxy-mode=iptables", "--detect-local-mode=BridgeInterface"]
        #expect(throws: (any Error).self) { try file.command(incomplete) }
        _ = try file.command(incomplete + ["--pod-bridge-interface", "abcdefghijklmno"])
        _ = try file.command(incomplete + ["--redirect=none"])
        _ = try file.command(incomplete + ["--cleanup"])
        let separate = ["-f", "x", "--proxy-mode=iptables", "--iptables-localhost-nodeports", "false"]
        #expect(try !file.command(separate).carriage.iptablesLocalhostNodeports)
    }

    @Test(
        "The file wins over kube-proxy's flags, the command line in the node's name and the log, and our own flags count"
    )
    func precedence() throws {
        let daemon = try file.daemon(
            "clusterCIDR: 10.1.0.0/16\nhostnameOverride: file\nlogging: {verbosity: 1}\nconntrack: {tcpBeLiberal: false}",
            "-f", "x", "--cluster-cidr=10.2.0.0/16", "--hostname-override", "line", "-v", "3", "--redirect=none",
            "--conntrack-tcp-be-liberal", "--oom-score-adj=-1")
        #expect(daemon.node.clusterCidr.map(\.description) == ["10.1.0.0/16"])
        #expect(daemon.node.nodeName == "line" && daemon.logging.verbosity == 3)
        #expect(daemon.rules.redirect == .none)
        #expect(!daemon.kernel.conntrackTcpBeLiberal)
        #expect(daemon.kernel.oomScoreAdj == -1, "the file says nothing of it")
        #expect(
            file.notes(of: daemon) == [
                "--cluster-cidr is overruled by clusterCIDR in config.conf:3",
                "--conntrack-tcp-be-liberal is overruled by conntrack.tcpBeLiberal in config.conf:6",
            ])
        #expect(try file.daemon("hostnameOverride: file", "-f", "x").node.nodeName == "file")
    }

    @Test("A field that is set twice counts as it was set last, and unknown ones are passed over")
    func lenient() throws {
        let daemon = try file.daemon(
            "clusterCIDR: 10.1.0.0/16\niptabels: {syncPeriod: 3s}\nclusterCIDR: 10.2.0.0/16\nconntrack: {minn: 1}",
            "-f", "x")
        #expect(daemon.node.clusterCidr.map(\.description) == ["10.2.0.0/16"])
        #expect(
            file.notes(of: daemon) == [
                "config.conf:4: iptabels is not known, and passed over",
                "config.conf:5: clusterCIDR is set again; what line 3 says does not count",
                "config.conf:6: conntrack.minn is not known, and passed over",
            ])
    }
}
