public import Services

/// UDP flows that the kernel would go on treating by rules that are no longer there.
///
/// Rules see the first packet of a flow only, and a UDP flow lasts as long as its client sends: one that began before its
/// portal was captured would never reach the proxy, and one to a former proxy port would reach nobody (SPEC §6). TCP needs
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

    /// The arguments of `conntrack` that delete their entries.
    var arguments: [String] {
        ["-D", "-f", family == .ipv4 ? "ipv4" : "ipv6", "-p", "udp"]
            + (destination.map { ["--orig-dst", "\($0)"] } ?? []) + ["--orig-port-dst", "\(port)"]
    }
}

extension RuleSet {
    /// The flows to be deleted once this rule set has taken the place of `previous`: those of portals that opened, closed or
    /// lead elsewhere. All others keep theirs (kubernetes/kubernetes#122740).
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

extension Iptables {
    /// Deletes the entries of flows from the kernel's connection tracking. Only after the rules were changed: before, the next
    /// packet would make the entry anew.
    func flush(_ flows: [StaleFlows]) throws(RedirectError) {
        guard !flows.isEmpty else { return }
        guard let path = path("conntrack") else { throw .notInstalled(program: "conntrack") }
        for flow in flows {
            let command = Command(path: path, arguments: flow.arguments)
            let result = try command.run()
            // It ends with 1 where there was none.
            guard result.status == 0 || result.message.contains("0 flow entries have been deleted") else {
                throw .refused(program: command.program, status: result.status, message: result.message, excerpt: "")
            }
        }
    }
}
