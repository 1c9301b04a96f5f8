public import Base

/// UDP flows that the kernel would go on treating by rules that are no longer there.
///
/// Rules see the first packet of a flow only, and a UDP flow lasts as long as its client sends: one that began before
/// its portal was captured would never reach the proxy, and one to a former proxy port would reach nobody. TCP needs
/// none of this: a connection that cannot go on is reset.
public struct StaleFlows: Hashable, Sendable {
    public var family: IPAddress.Family
    /// What clients sent to; nil for a node port, which is on all addresses of the node.
    public var destination: IPPrefix?
    public var port: UInt16
    /// Only those that the kernel has given to this endpoint; nil means all.
    public var endpoint: EndpointAddress?

    public init(
        family: IPAddress.Family, destination: IPPrefix?, port: UInt16, endpoint: EndpointAddress? = nil
    ) {
        self.family = family
        self.destination = destination
        self.port = port
        self.endpoint = endpoint
    }

    func to(_ endpoint: EndpointAddress) -> StaleFlows {
        StaleFlows(family: family, destination: destination, port: port, endpoint: endpoint)
    }
}

extension StaleFlows: Comparable {
    public static func < (a: StaleFlows, b: StaleFlows) -> Bool {
        func texts(_ flows: StaleFlows) -> (UInt16, String, String) {
            (flows.port, flows.destination?.description ?? "", flows.endpoint?.description ?? "")
        }
        return texts(a) < texts(b)
    }
}

extension RuleSet {
    /// The flows to be deleted once this rule set has taken the place of `previous`: those of portals that opened,
    /// closed or lead elsewhere, and those that the kernel has given to an endpoint that a portal does not lead to any
    /// more. All others keep theirs (kubernetes/kubernetes#122740).
    public func staleFlows(since previous: RuleSet) -> [StaleFlows] { staleFlows(since: previous, leading: [:]) }

    /// - Parameter leading: chains of single Services that `previous` had, whatever it says of them.
    func staleFlows(since previous: RuleSet, leading chains: [String: [Rule]]) -> [StaleFlows] {
        let (before, after) = (previous.udpPortals(leading: chains), udpPortals())
        return Set(before.keys).union(after.keys).flatMap { flows -> [StaleFlows] in
            guard let (old, new) = before[flows].flatMap({ old in after[flows].map { (old, $0) } }),
                old.rules == new.rules
            else { return [flows] }
            return old.endpoints.subtracting(new.endpoints).map { flows.to($0) }
        }.sorted()
    }

    private struct UDPPortal {
        /// By chain.
        var rules: [String: [Rule]] = [:]
        /// To which the kernel gives flows by itself.
        var endpoints: Set<EndpointAddress> = []
    }

    /// What nat does with UDP, by portal.
    private func udpPortals(leading more: [String: [Rule]] = [:]) -> [StaleFlows: UDPPortal] {
        let chains = self[.nat].chains
        var portals: [StaleFlows: UDPPortal] = [:]
        for chain in chains where chain.isShared {
            for rule in chain.rules where rule.transport == .udp {
                guard let port = rule.port else { continue }
                let portal = StaleFlows(family: family, destination: rule.destination, port: port)
                portals[portal, default: UDPPortal()].rules[chain.name, default: []].append(rule)
            }
        }
        guard !portals.isEmpty, !more.isEmpty || chains.contains(where: { !$0.isShared }) else { return portals }
        let own = more.merging(chains.lazy.filter { !$0.isShared }.map { ($0.name, $0.rules) }) { read, _ in read }
        return portals.mapValues { portal in
            var portal = portal
            var (open, seen) = (portal.rules.values.flatMap { $0 }, Set<String>())
            while let rule = open.popLast() {
                switch rule.target {
                case .jump(let chain) where seen.insert(chain).inserted: open += own[chain] ?? []
                case .dnat(let address) where !seen.isEmpty: portal.endpoints.insert(address)
                default: break
                }
            }
            return portal
        }
    }
}

extension SavedRules {
    /// The chains of single Services, by which the kernel carries them.
    var ownChains: [String: [Redirect.Rule]] {
        let nat = TableName.nat.rawValue
        let chains = tables.filter { $0.name == nat }.flatMap(\.chains).filter {
            KubeProxyChains.isOfOneService($0.name, in: nat)
        }
        return Dictionary(chains.map { ($0.name, $0.rules.compactMap(\.rule)) }) { $1 }
    }

    /// The flows that Portico's rules lead to it. Once these are gone, what a client sends from the same port, to keep a
    /// flow going or by chance, would still be led to where nobody is, by the kernel's memory alone.
    func ledFlows(_ family: IPAddress.Family) -> [StaleFlows] {
        let chains = tables.filter { $0.name == TableName.nat.rawValue }.flatMap(\.chains)
        let flows = chains.filter { KubeProxyChains.isOwn($0.name, in: TableName.nat.rawValue) }.flatMap(\.rules)
            .compactMap { saved -> StaleFlows? in
                guard let known = saved.rule, known.transport == .udp, let port = known.port else { return nil }
                return StaleFlows(family: family, destination: known.destination, port: port)
            }
        return Array(Set(flows))
    }
}
