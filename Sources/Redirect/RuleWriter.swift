internal import Balancing
public import Base
internal import Objects

/// Makes the rules of one family: those of the node, and those of each Service, which depend on no other Service.
///
/// Capturing is nat's business, and refusing filter's, since nat has neither REJECT nor DROP. Each pair of nat chains
/// has a pair of filter chains behind it with rules of the same matches: they see only what nat has let by, because a
/// captured packet goes to the proxy's port from there on.
///
/// What the kernel carries by itself has chains of its own beside those (``ServiceChainWriter``).
struct RuleWriter: Sendable {
    let family: IPAddress.Family
    let node: NodeRedirection
    let network: NodeNetwork
    /// Nil if the kernel carries no Service by itself.
    private let carriage: ServiceChainNode?
    private let namesEndpoints: Bool

    /// Whether the kernel carries Services by itself.
    var carries: Bool { carriage != nil }

    /// Nil if the node has no address of the family.
    ///
    /// - Parameter isLarge: see ``ServiceChainNode/isLarge(endpoints:wasLarge:)``.
    init?(_ node: NodeRedirection, _ family: IPAddress.Family, isLarge: Bool = false) {
        guard let network = node.networks[family] else { return nil }
        self.family = family
        self.node = node
        self.network = network
        carriage = node.carriage.map { ServiceChainNode(network, $0) }
        namesEndpoints = !isLarge
    }

    /// Whether both make the same rules for each Service, so that they differ at most in the rules that belong to none.
    func writesServices(like other: RuleWriter) -> Bool {
        network == other.network && node.preservesSource == other.node.preservesSource
            && node.redirects == other.node.redirects && carriage == other.carriage
            && namesEndpoints == other.namesEndpoints
    }

    /// Whether both make the same rules of the same Services.
    func writesAll(like other: RuleWriter) -> Bool { node == other.node && namesEndpoints == other.namesEndpoints }

    /// All that there is to be if these are all Services. The same Services always give the same rules in the same
    /// order.
    func rules(_ services: [ObjectKey: KernelService]) -> RuleSet {
        var redirecting = ServiceWriter(network)
        var carrying = carriage.map { ServiceChainWriter($0, namesEndpoints: namesEndpoints) }
        for key in services.keys.sorted() {
            guard let service = services[key] else { continue }
            if node.redirects { redirecting.write(service.redirected) }
            for facts in service.facts(family) { carrying?.write(facts) }
        }
        var rules = base
        for table in rules.tables.indices {
            for chain in rules.tables[table].chains.indices {
                if let written = redirecting.rules[rules.tables[table].chains[chain].name] {
                    rules.tables[table].chains[chain].add(written)
                }
            }
        }
        if let carrying { rules.add(carrying) }
        return rules
    }

    /// All chains and jumps, with the rules that are there without any Service.
    ///
    /// Filter comes first: a portal that closes is refused before it is no longer captured, and at start nobody gets by
    /// who is not allowed to.
    private var base: RuleSet {
        // The jumps that are put in last stand first: portals of the proxy before those of the kernel, which takes any
        // address of this node for that of a node port.
        var rules = carriage?.base ?? RuleSet(family: family, tables: [Table(name: .filter), Table(name: .nat)])
        if node.redirects { rules.add(redirection) }
        if node.redirects, node.preservesSource { rules.tables.append(.transparent) }
        return rules
    }

    private var redirection: RuleSet {
        let fixed = [ChainName.nodePortNonLocal: entrance + healthPorts, ChainName.proxyPorts: [Self.translated]]
        func chains(_ names: [String]) -> [Chain] {
            names.map { name in
                // What was translated is through before the ports one by one.
                Chain(name, rules: fixed[name] ?? [], head: name == ChainName.proxyPorts ? 1 : 0)
            }
        }
        return RuleSet(
            family: family,
            tables: [
                Table(name: .filter, chains: chains(ChainName.filter), jumps: Jump.filter),
                Table(name: .nat, chains: chains(ChainName.nat), jumps: Jump.nat),
            ])
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

extension KernelService {
    /// What the rules of its service ports follow from that the kernel carries by itself.
    func facts(_ family: IPAddress.Family) -> [ServiceChainFacts] {
        if carried.isEmpty { return [] }
        let own = Dictionary(grouping: portals.lazy.filter { $0.family == family }, by: \.owner)
        return carried.sorted { $0.id < $1.id }.compactMap { port in
            own[port.id].map { ServiceChainFacts(port, family, at: $0) }
        }
    }

    /// Of the service ports that the kernel carries by itself.
    func endpointCount(_ family: IPAddress.Family) -> Int {
        carried.reduce(0) { sum, port in
            let places = portals.lazy.filter { $0.owner == port.id && $0.family == family }.map(\.place)
            if places.isEmpty { return sum }
            let isReachable = places.contains { if case .clusterIP = $0 { false } else { true } }
            let lists = ServiceChainFacts.lists(of: port, family, isReachable: isReachable)
            if lists.local.isEmpty { return sum + lists.cluster.count }
            return sum + Set((lists.cluster + lists.local).map(\.address)).count
        }
    }
}

extension RuleSet {
    /// Further chains and jumps of the same tables.
    fileprivate mutating func add(_ other: RuleSet) {
        for index in tables.indices {
            let more = other[tables[index].name]
            tables[index].chains += more.chains
            tables[index].jumps += more.jumps
        }
    }
}

extension RuleSet {
    /// All rules of one family for a node of which `change` tells everything, to be shown to people; nil if the node
    /// has no address of the family.
    public init?(_ change: KernelChange, _ family: IPAddress.Family) {
        guard let node = change.node else { return nil }
        let endpoints = change.services.values.reduce(0) { $0 + $1.endpointCount(family) }
        let isLarge = ServiceChainNode.isLarge(endpoints: endpoints)
        guard let writer = RuleWriter(node, family, isLarge: isLarge) else { return nil }
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
