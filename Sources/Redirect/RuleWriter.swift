internal import Balancing
public import Base
internal import Objects

/// Makes the rules of one family: those of the node, and those of each Service, which depend on no other Service.
///
/// Capturing is nat's business, and refusing filter's, since nat has neither REJECT nor DROP. Each pair of nat chains
/// has a pair of filter chains behind it with rules of the same matches: they see only what nat has let by, because a
/// captured packet goes to the proxy's port from there on.
struct RuleWriter: Sendable {
    let family: IPAddress.Family
    let node: NodeRedirection
    let network: NodeNetwork

    /// Nil if the node has no address of the family.
    init?(_ node: NodeRedirection, _ family: IPAddress.Family) {
        guard let network = node.networks[family] else { return nil }
        self.family = family
        self.node = node
        self.network = network
    }

    /// Whether both make the same rules for each Service, so that they differ at most in the rules that belong to none.
    func writesServices(like other: RuleWriter) -> Bool {
        network == other.network && node.preservesSource == other.node.preservesSource
    }

    /// All that there is to be if these are all Services. The same Services always give the same rules in the same
    /// order.
    func rules(_ services: [ObjectKey: [Portal]]) -> RuleSet {
        var writer = ServiceWriter(network)
        for key in services.keys.sorted() { writer.write(services[key] ?? []) }
        var rules = base
        for table in rules.tables.indices {
            for chain in rules.tables[table].chains.indices {
                let written = writer.rules[rules.tables[table].chains[chain].name] ?? []
                rules.tables[table].chains[chain].append(written)
            }
        }
        return rules
    }

    /// All chains and jumps, with the rules that are there without any Service.
    ///
    /// Filter comes first: a portal that closes is refused before it is no longer captured, and at start nobody gets by
    /// who is not allowed to.
    private var base: RuleSet {
        let fixed = [ChainName.nodePortNonLocal: entrance + healthPorts, ChainName.proxyPorts: [Self.translated]]
        func chains(_ names: [String]) -> [Chain] {
            names.map { name in
                // What was translated is through before the ports one by one.
                Chain(name, rules: fixed[name] ?? [], head: name == ChainName.proxyPorts ? 1 : 0)
            }
        }
        var rules = RuleSet(
            family: family,
            tables: [
                Table(name: .filter, chains: chains(ChainName.filter), jumps: Jump.filter),
                Table(name: .nat, chains: chains(ChainName.nat), jumps: Jump.nat),
            ])
        if node.preservesSource { rules.tables.append(.transparent) }
        return rules
    }

    /// Lets in what portals have led to the proxy, whatever the host's own firewall says, and nobody else: who dials a
    /// proxy port directly would get by source ranges, and to Services that are for the cluster alone.
    ///
    /// INPUT sees a packet with the proxy's port. What was translated is through after two rules, however many Services
    /// there are; the ports one by one are for the others.
    private var entrance: [Rule] {
        [TransportProtocol.tcp, .udp].map { transport in
            var rule = Rule(transport: transport, isForNewOnly: true, target: .jump(ChainName.proxyPorts))
            rule.ports = node.proxyPorts
            return rule
        }
    }

    private static let translated = Rule(isTranslated: true, target: .accept)

    private var healthPorts: [Rule] {
        node.healthPorts.map {
            Rule(comment: "health checks", transport: .tcp, port: $0, isForNewOnly: true, target: .accept)
        }
    }
}

extension Chain {
    fileprivate mutating func append(_ written: [Rule]) {
        // Shared where it can be: those of a whole cluster take megabytes.
        if rules.isEmpty { rules = written } else { rules += written }
    }
}

extension RuleSet {
    /// All rules of one family for a node of which `change` tells everything, to be shown to people; nil if the node
    /// has no address of the family.
    public init?(_ change: KernelChange, _ family: IPAddress.Family) {
        guard let node = change.node, let writer = RuleWriter(node, family) else { return nil }
        self = writer.rules(change.services)
    }
}

extension Table {
    /// Marks what comes back on connections that the proxy made from a client's address, so that it is delivered here
    /// although it is addressed to somebody else. Only sockets with IP_TRANSPARENT are found, of this proxy or of
    /// another.
    fileprivate static let transparent = Table(
        name: .mangle,
        chains: [
            Chain(
                ChainName.transparent,
                rules: [TransportProtocol.tcp, .udp].map {
                    Rule(transport: $0, isToTransparentSocket: true, target: .mark(PolicyRoute.mark))
                })
        ], jumps: Jump.mangle)
}
