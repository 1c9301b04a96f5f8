import TestSupport
import Testing

@testable import portico

/// Configurations that are written, read back and compared.
@Suite("Configuration files that change") struct ConfigurationChangeTests {
    private let file: ConfigurationFile

    init() throws { file = try ConfigurationFile() }

    @Test("What is written with --write-config-to is read back as the same, and is a file for kube-proxy")
    func written() throws {
        let flags = [
            "--cluster-cidr=10.1.0.0/16,fd00::/48", "--ipvs-scheduler=rr", "--feature-gates=A=true,B=false", "-v4",
            "--nodeport-addresses=primary,10.0.0.0/8", "--healthz-bind-address=127.0.0.1:1", "--kubeconfig=/k: \"1\"",
            "--conntrack-tcp-timeout-established=90m", "--proxy-mode=ipvs",
        ]
        let first = ConfigurationWriter(try file.command(flags)).text
        try file.folder.write(first, to: "written")
        #expect(try file.mistakes(first) == [])
        let again = try file.command(["--config", file.folder.file("written")])
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
        let path = file.folder.file("config.conf")
        func write(_ text: String) throws { try file.folder.write(ConfigurationFile.head + text, to: "config.conf") }
        try write("clusterCIDR: 10.1.0.0/16\nipvs: {scheduler: rr}")
        let arguments = ["--config", path, "-f", "x"]
        let atStart = try ConfigurationWriter(file.command(arguments)).effect
        // It is another before anybody looks.
        try write("clusterCIDR: 10.2.0.0/16")
        let watch = try #require(ConfigurationWatch(arguments, atStart: atStart))
        #expect(watch.look() == .changed)
        try write(
            "# A line more.\nclusterCIDR: 10.1.0.0/16\nenableProfiling: true\nconfigSyncPeriod: 15m\nunknown: 1"
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
        let arguments = ["--config", file.folder.file("config.conf")]
        try file.folder.write(
            ConfigurationFile.head + "clientConnection: {kubeconfig: \(file.folder.file("absent"))}", to: "config.conf")
        let watch = try #require(ConfigurationWatch(arguments, atStart: ""))
        guard case .wrong(let mistakes) = watch.look() else {
            _ = Issue.record("it is not there")
            return
        }
        #expect(mistakes.lines.first?.contains("absent") == true)
    }
}
