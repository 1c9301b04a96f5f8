internal import Balancing
internal import Base

/// Writes the portals of Services into chains, one Service after another.
struct ServiceWriter {
    /// By chain.
    private(set) var rules: [String: [Rule]] = [:]
    private let network: NodeNetwork
    /// Of the Service that is being written.
    private var seen: Set<Place> = []
    /// Of the portal that is being written: its rules share the text.
    private var comment = ""

    private struct Place: Hashable {
        let chain: String
        let rule: Rule
    }

    init(_ network: NodeNetwork) { self.network = network }

    /// Writes all portals of a Service, those of the other family apart.
    mutating func write(_ portals: [Portal]) {
        seen = []
        for portal in portals.sorted() where portal.family == network.hostIP.family { write(portal) }
    }

    private mutating func write(_ portal: Portal) {
        comment = RuleComment.text("\(portal.owner.name)")
        for way in Way.allCases {
            for client in clients(of: portal, way) {
                for match in matches(portal, way, from: client.source) {
                    add(match, client.verdict, portal, way)
                }
            }
            if !portal.sources.isEmpty { close(portal, way) }
        }
        for case .proxy(let port) in [portal.outside, portal.inside] {
            append(
                Rule(
                    comment: comment, transport: portal.owner.transport, port: port,
                    destination: network.bindAddress.flatMap(IPPrefix.init(host:)), target: .drop),
                to: ChainName.proxyPorts)
        }
    }

    /// Who comes by `way`, and what they get; the first that fits counts.
    private func clients(of portal: Portal, _ way: Way) -> [(source: IPPrefix?, verdict: Portal.Verdict)] {
        let sources: [IPPrefix?] = portal.sources.isEmpty ? [nil] : portal.sources
        switch way {
        case .arriving:
            var clients: [(IPPrefix?, Portal.Verdict)] = []
            if portal.inside != portal.outside {
                for pods in network.podRanges {
                    clients += sources.compactMap { $0.map(pods.intersection) ?? pods }.map { ($0, portal.inside) }
                }
            }
            return clients + sources.map { ($0, portal.outside) }
        case .local:
            var clients = sources.map { ($0, portal.inside) }
            // A host that has the address on an interface talks to it from that very address.
            if let own = portal.place.address.flatMap(IPPrefix.init(host:)), isNodeAllowed(by: portal.sources) {
                clients.append((own, portal.inside))
            }
            return clients
        }
    }

    private func isNodeAllowed(by ranges: [IPPrefix]) -> Bool {
        network.nodeAddresses.contains { address in ranges.contains { $0.contains(address) } }
    }

    /// The matches of a portal (docs/behaviour.md, B9.4); their target is yet to be filled in.
    private func matches(_ portal: Portal, _ way: Way, from source: IPPrefix?) -> [Rule] {
        var rule = Rule(
            comment: comment, transport: portal.owner.transport, port: portal.port,
            source: source, target: .accept)
        guard let address = portal.place.address else { return nodePortRanges.map { rule.with(\.destination, $0) } }
        rule.destination = IPPrefix(host: address)
        guard case .externalIP = portal.place else { return [rule] }
        // What comes in over a bridge shall leave the node, unless the address is the node's own; but pods behind
        // bridges should reach their own cluster's Services where no router knows these addresses, so they are named.
        let local = rule.with(\.isToLocalAddress, true)
        guard way == .arriving else { return [local] }
        if let source, network.podRanges.contains(source) { return [rule] }
        let pods = source == nil ? network.podRanges : []
        return [local, rule.with(\.isNotFromBridge, true)] + pods.map { rule.with(\.source, $0) }
    }

    /// A nil stands for any address: the chain is for packets to local addresses anyway.
    private var nodePortRanges: [IPPrefix?] {
        let ranges = network.nodePortRanges
        return ranges.isEmpty || ranges.contains { $0.length == 0 } ? [nil] : ranges
    }

    private mutating func add(_ match: Rule, _ verdict: Portal.Verdict, _ portal: Portal, _ way: Way) {
        switch verdict {
        case .proxy(let port):
            append(match.with(\.target, target(port, match, portal)), to: way.capturing(portal.place))
        // Chains of its own are for that.
        case .kernel: break
        case .reject: refuse(match, .reject(RejectReply(portal.owner.transport, portal.family)), way, portal)
        case .drop: refuse(match, .drop, way, portal)
        }
    }

    /// An address of the node is left as it is: then routes that go by the source take the answers back the way they
    /// came. Any other one becomes an address of the node, whichever interface the packet came in by; that may have no
    /// address.
    private func target(_ port: UInt16, _ match: Rule, _ portal: Portal) -> RuleTarget {
        if let address = network.bindAddress { return .dnat(EndpointAddress(ip: address, port: port)) }
        if case .nodePort = portal.place { return .dnatPort(port) }
        return match.isToLocalAddress ? .dnatPort(port) : .dnat(EndpointAddress(ip: network.hostIP, port: port))
    }

    private mutating func refuse(_ match: Rule, _ target: RuleTarget, _ way: Way, _ portal: Portal) {
        var rule = match.with(\.target, target)
        // In nat the jump sees to that.
        if case .nodePort = portal.place { rule.isToLocalAddress = true }
        append(rule, to: way.refusing)
    }

    /// Nobody else: accepted in nat, which means left as it is, so that no later rule captures it, and dropped in
    /// filter.
    private mutating func close(_ portal: Portal, _ way: Way) {
        for match in matches(portal, way, from: nil) {
            append(match.with(\.target, .accept), to: way.capturing(portal.place))
            refuse(match, .drop, way, portal)
        }
    }

    /// A second rule of the same text would never see a packet. Portals of one Service may overlap; those of two never
    /// do.
    private mutating func append(_ rule: Rule, to chain: String) {
        guard seen.insert(Place(chain: chain, rule: rule)).inserted else { return }
        rules[chain, default: []].append(rule)
    }
}

/// How a packet came to the rules.
private enum Way: CaseIterable {
    /// From an interface: of pods and of other machines.
    case arriving
    /// Made on this host.
    case local

    func capturing(_ place: Portal.Place) -> String {
        if case .nodePort = place { return self == .arriving ? ChainName.nodePortContainer : ChainName.nodePortHost }
        return self == .arriving ? ChainName.portalsContainer : ChainName.portalsHost
    }

    var refusing: String { self == .arriving ? ChainName.refuseContainer : ChainName.refuseHost }
}

extension Rule {
    fileprivate func with<Value>(_ property: WritableKeyPath<Rule, Value>, _ value: Value) -> Rule {
        var copy = self
        copy[keyPath: property] = value
        return copy
    }
}

extension IPPrefix {
    /// The addresses that are in both: ranges are apart, or one is within the other.
    fileprivate func intersection(_ other: IPPrefix) -> IPPrefix? {
        if contains(other.address), length <= other.length { return other }
        return other.contains(address) && other.length <= length ? self : nil
    }
}
