internal import Balancing
internal import Base
public import Resolution

extension RuleSet {
    /// All rules of kube-proxy's iptables mode for these service ports, in the family of the node. The same service ports
    /// always give the same rules, in the order of their names (docs/iptables-mode.md).
    public init(serviceChains ports: [ServicePort], on node: ServiceChainNode) {
        let all = KernelService(portals: ports.flatMap { Portal.portals(of: $0, proxy: nil) }, carried: ports)
        let facts = all.facts(node.family)
        let endpoints = facts.reduce(0) { $0 + $1.endpoints.count }
        var writer = ServiceChainWriter(node, namesEndpoints: !ServiceChainNode.isLarge(endpoints: endpoints))
        for facts in facts { writer.write(facts) }
        self = node.base
        add(writer)
    }

    /// What was written of Services.
    mutating func add(_ writer: ServiceChainWriter) {
        for table in tables.indices {
            for chain in tables[table].chains.indices {
                let place = ServiceChainWriter.Place(table: tables[table].name, chain: tables[table].chains[chain].name)
                if let rules = writer.shared[place] { tables[table].chains[chain].add(rules) }
            }
            if tables[table].name == .nat { tables[table].chains += writer.chains }
        }
    }
}

/// What is there without any Service, in the order of kube-proxy's text.
extension ServiceChainNode {
    /// Whether rules do not say any more which endpoints they are for, for these would be the larger part.
    ///
    /// - Parameter wasLarge: so it was. All rules are written anew where it changes, so it is not to change to and fro.
    static func isLarge(endpoints: Int, wasLarge: Bool = false) -> Bool { endpoints > (wasLarge ? 900 : 1000) }

    var base: RuleSet {
        RuleSet(
            family: family,
            tables: [
                Table(name: .filter, chains: filterChains, jumps: filterJumps),
                Table(name: .nat, chains: natChains, jumps: Self.natJumps),
            ])
    }

    private var filterChains: [Chain] {
        let chains = [
            Chain(ServiceChainName.services), Chain(ServiceChainName.externalServices),
            Chain(ServiceChainName.forward, rules: forwardRules, isShared: false), Chain(ServiceChainName.nodePorts),
            Chain(ServiceChainName.proxyFirewall),
        ]
        guard guardsLocalhost else { return chains }
        return chains + [Chain(ServiceChainName.firewall, rules: [localhostGuard], isShared: false)]
    }

    private var natChains: [Chain] {
        let masquerade = [
            Rule(matches: [.mark(mark, isSet: false)], target: .back),
            Rule(target: .toggleMark(mark)),
            Rule(
                comment: "kubernetes service traffic requiring SNAT", target: .masquerade(randomPort: hasRandomPorts)),
        ]
        let marking = [Rule(target: .mark(mark))]
        return [
            Chain(ServiceChainName.services, rules: nodePortRules, tail: nodePortRules.count),
            Chain(ServiceChainName.nodePorts),
            Chain(ServiceChainName.postrouting, rules: masquerade, isShared: false),
            Chain(ServiceChainName.markMasquerade, rules: marking, isShared: false),
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

    private static let natJumps = [
        jump("OUTPUT", ServiceChainName.services, "kubernetes service portals"),
        jump("PREROUTING", ServiceChainName.services, "kubernetes service portals"),
        jump("POSTROUTING", ServiceChainName.postrouting, "kubernetes postrouting rules"),
    ]

    private var filterJumps: [Jump] {
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
