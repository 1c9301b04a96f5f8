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

    public init(family: IPAddress.Family, destination: IPPrefix?, port: UInt16) {
        self.family = family
        self.destination = destination
        self.port = port
    }
}

extension RuleSet {
    /// The flows to be deleted once this rule set has taken the place of `previous`: those of portals that opened,
    /// closed or lead elsewhere. All others keep theirs (kubernetes/kubernetes#122740).
    public func staleFlows(since previous: RuleSet) -> [StaleFlows] {
        let (before, after) = (previous.udpPortals(), udpPortals())
        return Set(before.keys).union(after.keys).filter { before[$0] != after[$0] }.sorted { a, b in
            (a.port, a.destination?.description ?? "") < (b.port, b.destination?.description ?? "")
        }
    }

    /// What nat does with UDP, by portal.
    private func udpPortals() -> [StaleFlows: [String: [Rule]]] {
        var portals: [StaleFlows: [String: [Rule]]] = [:]
        for chain in self[.nat].chains {
            for rule in chain.rules where rule.transport == .udp {
                guard let port = rule.port else { continue }
                let portal = StaleFlows(family: family, destination: rule.destination, port: port)
                portals[portal, default: [:]][chain.name, default: []].append(rule)
            }
        }
        return portals
    }
}

extension SavedRules {
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
