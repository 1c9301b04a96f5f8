internal import Balancing
internal import Base
public import Resolution

extension RuleSet {
    /// The most endpoints, over all service ports, whose rules say which they are for.
    private static let largeCluster = 1000

    /// All rules of kube-proxy's iptables mode for these service ports, in the family of the node. The same service ports
    /// always give the same rules, in the order of their names (docs/iptables-mode.md).
    public init(serviceChains ports: [ServicePort], on node: ServiceChainNode) {
        let facts = ports.sorted { ($0.name, $0.transport.rawValue) < ($1.name, $1.transport.rawValue) }
            .map { ServiceChainFacts($0, node.family) }.filter(\.isOfFamily)
        let endpoints = facts.reduce(0) { $0 + $1.endpoints.count }
        var writer = ServiceChainWriter(node, namesEndpoints: endpoints <= Self.largeCluster)
        for facts in facts { writer.write(facts) }
        func chains(_ table: TableName, _ fixed: [(String, before: [Rule], after: [Rule])]) -> [Chain] {
            fixed.map { name, before, after in
                let own = writer.shared[ServiceChainWriter.Place(table: table, chain: name)] ?? []
                return Chain(name, rules: before + own + after, head: before.count)
            }
        }
        self.init(
            family: node.family,
            tables: [
                Table(name: .filter, chains: chains(.filter, node.filterChains), jumps: node.filterJumps),
                Table(
                    name: .nat, chains: chains(.nat, node.natChains) + writer.chains, jumps: ServiceChainNode.natJumps),
            ])
    }
}

/// Chains that are there without any Service, in the order of kube-proxy's text.
extension ServiceChainNode {
    fileprivate typealias FixedChain = (String, before: [Rule], after: [Rule])

    fileprivate var filterChains: [FixedChain] {
        let chains: [FixedChain] = [
            (ServiceChainName.services, [], []), (ServiceChainName.externalServices, [], []),
            (ServiceChainName.forward, forwardRules, []), (ServiceChainName.nodePorts, [], []),
            (ServiceChainName.proxyFirewall, [], []),
        ]
        return chains + (guardsLocalhost ? [(ServiceChainName.firewall, [localhostGuard], [])] : [])
    }

    fileprivate var natChains: [FixedChain] {
        [
            (ServiceChainName.services, [], nodePortRules), (ServiceChainName.nodePorts, [], []),
            (
                ServiceChainName.postrouting,
                [
                    Rule(matches: [.mark(mark, isSet: false)], target: .back),
                    Rule(target: .toggleMark(mark)),
                    Rule(
                        comment: "kubernetes service traffic requiring SNAT",
                        target: .masquerade(randomPort: hasRandomPorts)),
                ], []
            ),
            (ServiceChainName.markMasquerade, [Rule(target: .mark(mark))], []),
        ]
    }

    /// What is for pods is let through, whatever the host's own firewall says.
    private var forwardRules: [Rule] {
        let invalid = Rule(matches: [.states(.invalid, isIn: true)], target: .drop)
        return (dropsInvalid ? [invalid] : []) + [
            Rule(
                comment: "kubernetes forwarding rules", matches: [.mark(mark, isSet: true)], target: .accept),
            Rule(
                comment: "kubernetes forwarding conntrack rule",
                matches: [.states([.related, .established], isIn: true)], target: .accept),
        ]
    }

    /// Node ports on loopback addresses need a kernel setting that would let other machines send to these, too
    /// (CVE-2020-8558).
    private var guardsLocalhost: Bool { family == .ipv4 && servesLocalhost }

    private var localhostGuard: Rule {
        let loopback = IPPrefix("127.0.0.0/8")
        var matches: [RuleMatch] = [.states([.related, .established, .translated], isIn: false)]
        if let loopback { matches.append(.notFrom(loopback)) }
        return Rule(
            comment: "block incoming localnet connections", destination: loopback, matches: matches, target: .drop)
    }

    /// Last, since they take whatever is for this node: by its port alone.
    private var nodePortRules: [Rule] {
        let comment = "kubernetes service nodeports; NOTE: this must be the last rule in this chain"
        guard let nodePortAddresses else {
            let loopback = guardsLocalhost ? nil : IPPrefix(family == .ipv4 ? "127.0.0.0/8" : "::1/128")
            return [
                Rule(
                    comment: comment, isToLocalAddress: true, matches: loopback.map { [.notTo($0)] } ?? [],
                    target: .jump(ServiceChainName.nodePorts))
            ]
        }
        return nodePortAddresses.filter { $0.family == family && (guardsLocalhost || !$0.isLoopback) }.map { address in
            Rule(
                comment: comment, destination: IPPrefix(host: address), target: .jump(ServiceChainName.nodePorts))
        }
    }

    // MARK: Jumps

    fileprivate static let natJumps = [
        jump("OUTPUT", ServiceChainName.services, "kubernetes service portals"),
        jump("PREROUTING", ServiceChainName.services, "kubernetes service portals"),
        jump("POSTROUTING", ServiceChainName.postrouting, "kubernetes postrouting rules"),
    ]

    fileprivate var filterJumps: [Jump] {
        let portals = "kubernetes externally-visible service portals"
        var jumps = [
            Self.jump("INPUT", ServiceChainName.externalServices, portals, isForNew: true),
            Self.jump("FORWARD", ServiceChainName.externalServices, portals, isForNew: true),
            Self.jump("INPUT", ServiceChainName.nodePorts, "kubernetes health check service ports"),
            Self.jump("FORWARD", ServiceChainName.services, "kubernetes service portals", isForNew: true),
            Self.jump("OUTPUT", ServiceChainName.services, "kubernetes service portals", isForNew: true),
            Self.jump("FORWARD", ServiceChainName.forward, "kubernetes forwarding rules"),
        ]
        for chain in ["INPUT", "OUTPUT", "FORWARD"] {
            let comment = "kubernetes load balancer firewall"
            jumps.append(Self.jump(chain, ServiceChainName.proxyFirewall, comment, isForNew: true))
        }
        if guardsLocalhost {
            for chain in ["INPUT", "OUTPUT"] { jumps.append(Self.jump(chain, ServiceChainName.firewall, nil)) }
        }
        return jumps
    }

    private static func jump(_ chain: String, _ own: String, _ comment: String?, isForNew: Bool = false) -> Jump {
        Jump(
            in: chain, .first,
            Rule(
                comment: comment, matches: isForNew ? [.states(.new, isIn: true)] : [], target: .jump(own)))
    }
}
