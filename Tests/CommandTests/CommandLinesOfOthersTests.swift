import APITestSupport
import Testing

@testable import portico

/// The flags of kube-proxy as others write them.
@Suite("Command lines of others") struct CommandLinesOfOthersTests {
    private let file: ConfigurationFile

    init() throws { file = try ConfigurationFile() }

    @Test("Flags of kube-proxy in unit files and DaemonSets are taken", arguments: Self.lines)
    func commandLines(_ line: CommandLineOfOthers) throws {
        let daemon = try file.command(line.arguments.split(separator: " ").map(String.init))
        #expect(daemon.node.nodeName == "node1" || !line.arguments.contains("hostname-override"))
        #expect(daemon.cluster.kubeconfig != nil)
        #expect(file.notes(of: daemon).map { $0.prefix { $0 != " " } } == line.notes)
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
            notes: []),
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
                "--feature-gates", "--ipvs-sync-period", "--ipvs-min-sync-period", "--log-dir",
            ]),
    ]

    @Test("Every flag and field of kube-proxy stands in docs/kube-proxy.md with what becomes of it")
    func documented() throws {
        let page = try projectFile("docs/kube-proxy.md")
        for setting in KubeProxySetting.all {
            if let flag = setting.flag {
                #expect(page.contains("`--\(flag)`") || page.contains("`-\(flag)`"), "\(flag)")
            }
            if let field = setting.field { #expect(page.contains("`\(field)`"), "\(field)") }
        }
    }
}
