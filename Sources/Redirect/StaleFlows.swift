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
    ///
    /// At the start of a node all portals are new, and hardly any of them has a flow. So what there is is listed once, and
    /// only what is found is deleted, with a program each.
    func flush(_ flows: [StaleFlows]) throws(RedirectError) {
        guard let family = flows.first?.family else { return }
        guard let path = path("conntrack") else { throw .notInstalled(program: "conntrack") }
        let list = ["-L", "-f", family == .ipv4 ? "ipv4" : "ipv6", "-p", "udp"]
        let present = TrackedPortals(try run(path, list).output)
        for flow in flows where present.contains(flow) {
            let result = try run(path, flow.arguments, acceptingStatus: 1)
            // It ends with 1 where there was none, as when it has just expired.
            guard result.status == 0 || result.message.contains("0 flow entries have been deleted") else {
                throw .refused(program: "conntrack", status: result.status, message: result.message, excerpt: "")
            }
        }
    }

    private func run(
        _ path: String, _ arguments: [String], acceptingStatus accepted: Int32 = 0
    ) throws(RedirectError) -> Command.Result {
        let command = Command(path: path, arguments: arguments)
        let result = try command.run()
        guard result.status == 0 || result.status == accepted else {
            throw .refused(program: command.program, status: result.status, message: result.message, excerpt: "")
        }
        return result
    }
}

/// Where the clients of tracked flows have sent to, from the output of `conntrack -L`.
private struct TrackedPortals {
    private var addresses: [UInt16: Set<IPAddress>] = [:]

    /// Lines such as `udp 17 29 src=10.0.0.1 dst=10.96.0.10 sport=40000 dport=53 [UNREPLIED] src=…`: what the client sent
    /// comes first.
    init(_ text: String) {
        for line in text.split(separator: "\n") {
            let words = line.split(separator: " ")
            func value(_ name: String) -> Substring? { words.first { $0.hasPrefix(name) }?.dropFirst(name.count) }
            guard let address = value("dst=").flatMap({ IPAddress($0) }),
                let port = value("dport=").flatMap({ UInt16($0) })
            else { continue }
            addresses[port, default: []].insert(address)
        }
    }

    func contains(_ flow: StaleFlows) -> Bool {
        guard let found = addresses[flow.port] else { return false }
        guard let destination = flow.destination else { return true }
        return found.contains { destination.contains($0) }
    }
}
