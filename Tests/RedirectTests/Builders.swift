import Balancing
import Base
import Foundation
import Redirect
import TestSupport
import Testing

func range(_ text: String) throws -> IPPrefix { try #require(IPPrefix(text)) }

let web = ServicePortID(ServicePortName(namespace: "default", service: "web", port: "http"), .tcp)
let dns = ServicePortID(ServicePortName(namespace: "kube-system", service: "dns"), .udp)

/// The node of most examples.
func node(
    bind: IPAddress? = nil, nodePorts: [IPPrefix] = [], pods: [IPPrefix] = [], own: [IPAddress] = []
) throws -> NodeNetwork {
    NodeNetwork(
        hostIP: ip("192.168.1.5"), bindAddress: bind, nodePortRanges: nodePorts, podRanges: pods, nodeAddresses: own
    )
}

func rules(_ portals: [Portal], _ network: NodeNetwork) throws -> RuleSet {
    try #require(Wanted(portals: portals, ipv4: network).rules(for: .ipv4))
}

/// The rules of a chain as text.
func lines(_ rules: RuleSet, _ table: TableName, _ chain: String) -> [String] {
    rules[table][chain].map(\.description)
}

/// A rule set without any rules but with chains and jumps: what a node without services has.
func bare() throws -> RuleSet { try rules([], node()) }

/// As iptables-save would print it, more or less.
func saved(_ rules: RuleSet) -> String {
    rules.text.replacing("-I ", with: "-A ")
        .replacing("*nat\n", with: "*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n")
        .replacing(
            "*filter\n", with: "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n")
}

extension RuleSet {
    /// The whole text, for a firewall that has nothing of it.
    var text: String { transaction(from: RuleSet(family: family)) ?? "" }
}

func fixture(_ name: String) throws -> String {
    let base = try #require(Bundle.module.resourcePath)
    return try String(contentsOfFile: "\(base)/Fixtures/\(name)", encoding: .utf8)
}

func fixturePath(_ name: String) throws -> String {
    "\(try #require(Bundle.module.resourcePath))/Fixtures/\(name)"
}
