import ArgumentParser
import Base
import Proxy
import Testing

@testable import portico

/// What `portico daemon` and `portico render` make of whole command lines.
@Suite struct DaemonCommandLineTests {
    private func daemon(_ arguments: String...) throws -> Daemon {
        let line = ["daemon"] + (try DaemonCommandLine(arguments).settled())
        return try #require(try Portico.parseAsRoot(line) as? Daemon)
    }

    private func complaint(_ arguments: String...) -> String? {
        do {
            let line = arguments.first == "daemon" ? DaemonCommandLine(Array(arguments.dropFirst())).plain : nil
            _ = try Portico.parseAsRoot(line.map { ["daemon"] + $0 } ?? arguments)
            return nil
        } catch {
            return CommandFailure.line(for: error, arguments: ["portico"] + arguments)
        }
    }

    @Test func daemonHasTheDefaultsOfKubeProxy() throws {
        let command = try daemon("-f", "x")
        #expect(command.rules.iptablesSyncPeriod.duration == .seconds(30))
        #expect(command.rules.iptablesMinSyncPeriod.duration == .seconds(1))
        #expect(command.succession.drainTimeout.duration == .seconds(25))
        #expect(command.rules.redirect == .iptables && !command.rules.cleanup && !command.rules.cleanupOnExit)
        let settings = command.node.settings
        #expect(settings.bindAddress == nil)
        #expect(settings.nodePortAddresses == .all)
        #expect(settings.proxyPorts == .standard)
        #expect(!settings.nodeName.isEmpty, "the host's name")
    }

    @Test func flagsAreReadAsGoReadsThem() throws {
        let command = try daemon(
            "-f", "x", "--hostname-override= Node2 ", "--bind-address=0.0.0.0", "--iptables-sync-period=1m0s",
            "--iptables-min-sync-period=500ms", "--cleanup-on-exit=true", "--cleanup=true", "--cleanup=false",
            "--nodeport-addresses=192.168.58.0/24,localhost", "--cluster-cidr=10.244.0.0/16,fd00:244::/48",
            "--proxy-port-range=20000-20999", "-v2")
        #expect(command.rules.cleanupOnExit && !command.rules.cleanup, "the last one wins")
        #expect(command.rules.iptablesSyncPeriod.duration == .seconds(60))
        #expect(command.logging.verbosity == 2)
        let settings = command.node.settings
        #expect(settings.nodeName == "node2", "trimmed and in lower case")
        #expect(settings.bindAddress == nil, "0.0.0.0 means all addresses")
        #expect(settings.proxyPorts.ports == 20_000...20_999)
        #expect(settings.clusterRanges.map(\.description) == ["10.244.0.0/16", "fd00:244::/48"])
    }

    @Test func allowedExternalAddressesAddUp() throws {
        func allowed(_ arguments: String...) throws -> [String]? {
            let line = GoFlags.normalized(["render", "-f", "x"] + arguments, flags: Daemon.flags)
            let command = try #require(try Portico.parseAsRoot(line) as? Render)
            return command.node.settings.allowedExternalIPs?.map(\.description)
        }
        #expect(try allowed() == nil, "any")
        #expect(try allowed("--allowed-external-ips=") == [], "none")
        #expect(
            try allowed("--allowed-external-ips", "203.0.113.0/24,2001:db8::/32", "--allowed-external-ips=192.0.2.7")
                == ["203.0.113.0/24", "2001:db8::/32", "192.0.2.7/32"])
        #expect(try daemon("-f", "x", "--allowed-external-ips=0.0.0.0/0").node.settings.allowedExternalIPs?.count == 1)
        #expect(
            complaint("daemon", "-f", "x", "--allowed-external-ips", "203.0.113")?.contains("neither a range") == true)
    }

    @Test func theNodeIsCalledAsTheHostUnlessToldOtherwise() throws {
        let host = try daemon("-f", "x").node.nodeName
        #expect(
            try daemon("-f", "x", "--hostname-override=").node.nodeName == host, "as in a file that leaves it empty")
        #expect(try daemon("-f", "x", "--hostname-override=NODE2").node.nodeName == "node2")
        #expect(
            complaint("daemon", "-f", "x", "--hostname-override= ")?.contains("the name of this node is empty") == true)
    }

    @Test func ofTheModesThatDetectPodsOneHasAMeaning() throws {
        let node = try daemon("-f", "x", "--detect-local-mode=NodeCIDR")
        #expect(node.kubeProxy.detectsByNode && node.kubeProxy.notes == [])
        let cluster = try daemon("-f", "x", "--detect-local-mode=ClusterCIDR")
        #expect(!cluster.kubeProxy.detectsByNode && cluster.kubeProxy.notes == [])
        let bridge = try daemon("-f", "x", "--detect-local-mode=BridgeInterface")
        #expect(
            bridge.kubeProxy.notes.count == 1
                && bridge.kubeProxy.notes[0].hasPrefix("--detect-local-mode has no effect"))
    }

    @Test func anEmptyValueIsAValue() throws {
        #expect(try daemon("-f", "x", "--healthz-bind-address=").health.healthzBindAddress.address == nil)
        #expect(try daemon("-f", "x").health.healthzBindAddress == .standardHealth)
    }

    @Test(
        "Health is answered at an address, with the port of either flag, or nowhere",
        arguments: [
            ([], "0.0.0.0:10256"), (["--healthz-port=1234"], "0.0.0.0:1234"), (["--healthz-port=0"], nil),
            (["--healthz-bind-address=127.0.0.1"], "127.0.0.1:10256"),
            (["--healthz-bind-address=127.0.0.1", "--healthz-port=1234"], "127.0.0.1:1234"),
            (["--healthz-bind-address=127.0.0.1:99", "--healthz-port=1234"], "127.0.0.1:99"),
            (["--healthz-bind-address=127.0.0.1:99", "--healthz-port=0"], nil),
            (["--healthz-bind-address=::1"], "[::1]:10256"), (["--healthz-bind-address=[::]:5"], "[::]:5"),
            (["--healthz-bind-address="], nil), (["--healthz-bind-address=", "--healthz-port=1234"], nil),
        ] as [([String], String?)])
    func healthAddresses(_ arguments: [String], _ expected: String?) throws {
        let line = ["daemon"] + (try DaemonCommandLine(["-f", "x"] + arguments).settled())
        let command = try #require(try Portico.parseAsRoot(line) as? Daemon)
        #expect(command.health.address?.description == expected)
    }

    @Test(
        "What the kernel cannot have is refused before anything is asked of it",
        arguments: [
            ("--conntrack-max-per-core=-1", "--conntrack-max-per-core is below 0"),
            ("--conntrack-min=-1", "--conntrack-min is below 0"),
            ("--oom-score-adj=1001", "--oom-score-adj takes a number from -1000 to 1000"),
            ("--oom-score-adj=-1001", "--oom-score-adj takes a number from -1000 to 1000"),
            ("--conntrack-udp-timeout=-1s", "'-1s' is a negative duration"),
            ("--healthz-bind-address=here", "'here' is not an address with a port, such as 0.0.0.0:10256"),
            ("--udp-timeout=0", "'0' is less than 1ms"), ("--udp-timeout=999us", "'999us' is less than 1ms"),
            ("--takeover-stay", "are for --takeover"), ("--ready-file=", "--ready-file is empty"),
            ("--takeover-force", "are for --takeover"), ("--takeover-drain-timeout=1s", "are for --takeover"),
            ("--output=yaml", "invalid for --output"), ("--redirect=ipvs", "invalid for --redirect"),
            ("--source-ip=keep", "invalid for --source-ip"), ("-v=-1", "-v takes a number from 0 to 10"),
            ("--service-node-port-range=2-1", "'2-1' is not a range of ports"),
            ("--cluster-cidr=10.0.0.0/33", "'10.0.0.0/33' is not a range such as 10.244.0.0/16"),
        ])
    func wrongValues(_ argument: String, _ words: String) {
        let line = complaint("daemon", "-f", "x", argument)
        #expect(line?.contains(words) == true, "\(line ?? "it was taken")")
        #expect(line?.contains("<") == false && line?.hasSuffix("; see 'portico daemon --help'") == true)
    }

    @Test("The edges of what the kernel can have are taken")
    func edges() throws {
        for score in [-1000, 1000] {
            #expect(try daemon("-f", "x", "--oom-score-adj=\(score)").kernel.oomScoreAdj == score)
        }
        let kernel = try daemon("-f", "x", "--conntrack-max-per-core=0", "--conntrack-min=0").kernel
        #expect(kernel.conntrackMaxPerCore == 0 && kernel.conntrackMin == 0)
        #expect(try daemon("-f", "x", "--udp-timeout=1ms").relay.udpTimeout?.duration == .milliseconds(1))
    }

    @Test func theArgumentsOfAnotherProgramAreLeftAlone() {
        let line = ["daemon", "--cleanup=maybe", "--redirect=none", "--", "--cleanup=true"]
        #expect(GoFlags.normalized(line, flags: Daemon.flags) == line)
    }

    @Test func mistakesAreNamed() {
        #expect(complaint("daemon")?.contains("nothing to serve: name a cluster with --kubeconfig") == true)
        #expect(complaint("daemon", "--kubeconfig", "x") == nil)
        #expect(complaint("daemon", "-f", "x", "--kubeconfig", "y")?.contains("leave out -f or --kubeconfig") == true)
        #expect(complaint("daemon", "--cleanup") == nil, "there is nothing to serve then")
        #expect(
            complaint("daemon", "-f", "x", "--bind-address", "127.0.0.1")?.contains("to a loopback address") == true)
        #expect(complaint("daemon", "-f", "x", "--bind-address", "eth0")?.contains("is not an IP address") == true)
        #expect(complaint("daemon", "-f", "x", "--proxy-port-range", "9-8")?.contains("not a range of ports") == true)
        #expect(
            complaint("daemon", "-f", "x", "--cluster-cidr", "10.1.0.0/16,10.2.0.0/16")?.contains(
                "has more than one range of IPv4") == true)
        #expect(
            complaint("daemon", "-f", "x", "--proxy-port-range", "30000-30100")?.contains("are node ports") == true)
        #expect(complaint("daemon", "-f", "x", "--iptables-sync-period", "0")?.contains("has to be above 0") == true)
        #expect(
            complaint("daemon", "-f", "x", "--iptables-sync-period", "1s", "--iptables-min-sync-period", "2s")?
                .contains("is above --iptables-sync-period") == true)
        #expect(
            complaint("daemon", "-f", "x", "--nodeport-addresses", "eth0")?.contains("not a list of ranges") == true)
        #expect(complaint("daemon", "-f", "x", "--cleanup=maybe")?.contains("--cleanup") == true)
        #expect(complaint("render", "-f", "x", "--ipv4", "--ipv6")?.contains("leave nothing") == true)
        #expect(complaint("render")?.contains("nothing to render") == true)
    }

    @Test func changesComeTwoAtOnceAndThenOneInAPeriod() {
        let start = ContinuousClock.now
        var pacer = SyncPacer(period: .seconds(1))
        #expect(pacer.wait(at: start) == .zero)
        pacer.began(at: start)
        #expect(pacer.wait(at: start) == .zero)
        pacer.began(at: start)
        #expect(pacer.wait(at: start) == .seconds(1))
        #expect(pacer.wait(at: start + .milliseconds(750)) == .milliseconds(250))
        #expect(pacer.wait(at: start + .seconds(1)) == .zero)
        pacer.began(at: start + .seconds(1))
        #expect(pacer.wait(at: start + .seconds(1)) == .seconds(1))
        #expect(pacer.wait(at: start + .seconds(60)) == .zero)
        var unlimited = SyncPacer(period: .zero)
        for _ in 0..<10 { unlimited.began(at: start) }
        #expect(unlimited.wait(at: start) == .zero)
    }
}
