internal import Balancing
internal import Base
internal import Resolution

/// Writes service ports into the chains of kube-proxy's iptables mode, one after another (docs/iptables-mode.md).
///
/// Rules of chains that all share go to ``shared``; a service port's own chains are new ones.
struct ServiceChainWriter {
    struct Place: Hashable {
        let table: TableName
        let chain: String
    }

    /// Rules of chains that are there anyway.
    private(set) var shared: [Place: [Rule]] = [:]
    /// Chains of single service ports, all in nat.
    private(set) var chains: [Chain] = []
    private let node: ServiceChainNode
    /// Whether rules say which endpoint they are for. Of a large cluster's rules that would be the larger part.
    private let namesEndpoints: Bool

    init(_ node: ServiceChainNode, namesEndpoints: Bool = true) {
        self.node = node
        self.namesEndpoints = namesEndpoints
    }

    mutating func write(_ facts: ServiceChainFacts) {
        writeClusterIPs(facts)
        writeExternalAddresses(facts)
        writeNodePort(facts)
        writeOwnChains(facts)
    }

    // MARK: Portals

    private mutating func writeClusterIPs(_ facts: ServiceChainFacts) {
        for address in facts.clusterIPs {
            let match = facts.portal("cluster IP", at: address)
            if facts.internalEndpoints.isEmpty {
                refuse(match, facts, in: ServiceChainName.services)
            } else {
                append(match.leading(to: facts.internalChain), .nat, ServiceChainName.services)
            }
        }
    }

    private mutating func writeExternalAddresses(_ facts: ServiceChainFacts) {
        for address in facts.externalIPs {
            let match = facts.portal("external IP", at: address)
            if facts.hasAny { append(match.leading(to: facts.external), .nat, ServiceChainName.services) }
            if facts.externalEndpoints.isEmpty { refuse(match, facts, in: ServiceChainName.externalServices) }
        }
        for address in facts.loadBalancerIPs {
            let match = facts.portal("loadbalancer IP", at: address)
            if facts.hasAny {
                let chain = facts.hasFirewall ? facts.firewall : facts.external
                append(match.leading(to: chain), .nat, ServiceChainName.services)
            }
            if facts.hasFirewall {
                // What came past the ranges has a pod's address by now, and what did not has still this one.
                let others = facts.portal("traffic not accepted by \(facts.firewall)", at: address)
                append(others.leading(to: .drop), .filter, ServiceChainName.proxyFirewall)
            }
            if facts.externalEndpoints.isEmpty { refuse(match, facts, in: ServiceChainName.externalServices) }
        }
    }

    private mutating func writeNodePort(_ facts: ServiceChainFacts) {
        if let port = facts.nodePort {
            let match = Rule(comment: facts.name, transport: facts.port.transport, port: port, target: .accept)
            if facts.hasAny { append(match.leading(to: facts.external), .nat, ServiceChainName.nodePorts) }
            if facts.externalEndpoints.isEmpty {
                var local = match
                local.isToLocalAddress = true
                refuse(local, facts, in: ServiceChainName.externalServices)
            }
        }
        if let check = facts.port.healthCheck {
            append(
                Rule(
                    comment: facts.comment("health check node port"), transport: .tcp, port: check.nodePort,
                    target: .accept),
                .filter, ServiceChainName.nodePorts)
        }
    }

    /// Clients are told at once that there is nobody anywhere. Where there is only nobody here they find out by
    /// themselves, so that a load balancer's retries go to another node.
    private mutating func refuse(_ match: Rule, _ facts: ServiceChainFacts, in chain: String) {
        var rule = match.leading(to: facts.hasAny ? .drop : .reject(facts.unreachable))
        rule.comment = facts.comment(facts.hasAny ? "has no local endpoints" : "has no endpoints")
        append(rule, .filter, chain)
    }

    // MARK: Chains of its own

    private mutating func writeOwnChains(_ facts: ServiceChainFacts) {
        let masquerading =
            facts.internalEndpoints.isEmpty ? [] : facts.clusterIPs.compactMap { masquerade(facts, at: $0) }
        let lists: [(chain: String, endpoints: [ServiceChainFacts.Endpoint])] =
            [(facts.cluster, facts.clusterEndpoints), (facts.local, facts.localEndpoints)]
        for (chain, endpoints) in lists where !endpoints.isEmpty {
            let first = chain == facts.internalChain ? masquerading : []
            add(chain, first + balance(over: endpoints, facts))
        }
        if facts.hasAny, facts.isReachable { add(facts.external, externalRules(facts)) }
        if facts.hasFirewall { add(facts.firewall, firewallRules(facts)) }
        for endpoint in facts.endpoints { add(endpoint.chain, endpointRules(endpoint, facts)) }
    }

    private func masquerade(_ facts: ServiceChainFacts, at address: IPAddress) -> Rule? {
        let match = facts.portal("cluster IP", at: address).leading(to: ServiceChainName.markMasquerade)
        return node.masqueradesAll ? match : node.localTraffic.matchOthers(match)
    }

    /// Who is not a pod of this node is masqueraded, unless the Local policy keeps the client's address; who is one gets
    /// all endpoints, as the node itself does, whatever the policy.
    private func externalRules(_ facts: ServiceChainFacts) -> [Rule] {
        let what = "traffic for \(facts.name) external destinations"
        var rules: [Rule] = []
        // Where no list of all endpoints is, nobody can be led past the Local one.
        if facts.port.externalTrafficPolicy == .local, !facts.clusterEndpoints.isEmpty {
            let pods = Rule(comment: comment("pod \(what)"), target: .jump(facts.cluster))
            if let match = node.localTraffic.match(pods) { rules.append(match) }
            for (verb, chain) in [("masquerade", ServiceChainName.markMasquerade), ("route", facts.cluster)] {
                rules.append(
                    Rule(comment: comment("\(verb) LOCAL \(what)"), matches: [.fromLocalAddress], target: .jump(chain)))
            }
        } else if facts.port.externalTrafficPolicy == .cluster {
            rules.append(Rule(comment: comment("masquerade \(what)"), target: .jump(ServiceChainName.markMasquerade)))
        }
        if !facts.externalEndpoints.isEmpty { rules.append(Rule(target: .jump(facts.externalChain))) }
        return rules
    }

    private func firewallRules(_ facts: ServiceChainFacts) -> [Rule] {
        let match = Rule(comment: facts.comment("loadbalancer IP"), target: .jump(facts.external))
        var rules = facts.sourceRanges.map { range in
            var rule = match
            rule.source = range
            return rule
        }
        if node.nodeAddresses.contains(where: { address in facts.sourceRanges.contains { $0.contains(address) } }) {
            // A host that has the address on an interface talks to it from that very address.
            rules += facts.loadBalancerIPs.map { address in
                var rule = match
                rule.source = IPPrefix(host: address)
                return rule
            }
        }
        let others = comment("other traffic to \(facts.name) will be dropped by KUBE-PROXY-FIREWALL")
        return rules + [Rule(comment: others, target: .nothing)]
    }

    /// To each endpoint with the same chance: of those that came by the rules before, an ever larger part.
    private func balance(over endpoints: [ServiceChainFacts.Endpoint], _ facts: ServiceChainFacts) -> [Rule] {
        let rules = endpoints.map { endpoint in
            Rule(
                comment: namesEndpoints ? comment("\(facts.name) -> \(endpoint.text)") : nil,
                target: .jump(endpoint.chain))
        }
        var balanced = rules
        for index in balanced.indices.dropLast() {
            balanced[index].add(.chance(Chance(oneOf: endpoints.count - index)))
        }
        guard case .clientIP(let seconds) = facts.port.affinity else { return balanced }
        let known = zip(rules, endpoints).map { rule, endpoint in
            var rule = rule
            rule.add(.seen(list: endpoint.chain, seconds: seconds))
            return rule
        }
        return known + balanced
    }

    private func endpointRules(_ endpoint: ServiceChainFacts.Endpoint, _ facts: ServiceChainFacts) -> [Rule] {
        let name = namesEndpoints ? facts.name : nil
        var dnat = Rule(comment: name, transport: facts.port.transport, target: .dnat(endpoint.address))
        if facts.port.affinity != .none { dnat.add(.remember(list: endpoint.chain)) }
        // A pod that gets itself would take the answer for its own question.
        let hairpin = Rule(
            comment: name, source: IPPrefix(host: endpoint.address.ip), target: .jump(ServiceChainName.markMasquerade))
        return [hairpin, dnat]
    }

    private func comment(_ text: String) -> String { RuleComment.text(text) }

    private mutating func add(_ chain: String, _ rules: [Rule]) {
        chains.append(Chain(chain, rules: rules, head: rules.count, isShared: false))
    }

    private mutating func append(_ rule: Rule, _ table: TableName, _ chain: String) {
        shared[Place(table: table, chain: chain), default: []].append(rule)
    }
}

extension Rule {
    fileprivate func leading(to chain: String) -> Rule { leading(to: .jump(chain)) }

    fileprivate func leading(to target: RuleTarget) -> Rule {
        var rule = self
        rule.target = target
        return rule
    }
}
