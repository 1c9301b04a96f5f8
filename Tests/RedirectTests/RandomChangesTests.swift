import Balancing
import Base
import Objects
import TestSupport
import Testing

@testable import Redirect

/// Any sequence of changes and mishaps, with work for what has changed alone, against the rules of all Services made at once.
@Suite("Rules by Service are the rules of all Services") struct RandomChangesTests {
    @Test("Changes alone", arguments: Iptables.Variant.allCases, IPAddress.Family.allCases)
    func changes(_ kind: Iptables.Variant, _ family: IPAddress.Family) async throws {
        for seed in 1...12 {
            var run = RandomRun(seed: UInt64(seed), kind, family)
            for step in 0..<30 {
                let before = try run.present
                let change = run.change()
                let result = await run.rules.apply(change, checking: step % 7 == 6)
                try run.expect(result, "seed \(seed), step \(step)")
                // What the kernel remembers of flows is forgotten where rules are others than before, and nowhere else.
                let forgotten = Set(run.model.with { $0.forgotten })
                let stale = Set(try run.present.staleFlows(since: before))
                #expect(forgotten == stale || run.isBare, "seed \(seed), step \(step)")
                run.model.with { $0.forgotten = [] }
            }
        }
    }

    @Test(
        "Changes while others touch the firewall, hold the lock, and rules are refused",
        arguments: Iptables.Variant.allCases)
    func mishaps(_ kind: Iptables.Variant) async throws {
        for seed in 1...20 {
            var run = RandomRun(seed: UInt64(seed), kind, .ipv4)
            for step in 0..<30 {
                run.mishap()
                let change = run.change()
                let result = await run.rules.apply(change, checking: Bool.random(using: &run.random))
                // Whatever came of that: all is as it should be after a look that nothing happens to.
                if case .failure? = result?.outcome { #expect(run.model.with { $0.busy } >= 0) }
                run.model.with {
                    $0.busy = 0
                    $0.meanwhile = nil
                }
                try run.expect(await run.rules.apply(KernelChange(), checking: true), "seed \(seed), step \(step)")
            }
        }
    }

    @Test("A change costs the lines of its Service, and no look, however many there are")
    func proportion() async throws {
        for kind in Iptables.Variant.allCases {
            var run = RandomRun(seed: 7, kind, .ipv4, count: 200)
            _ = await run.rules.apply(run.everything(), checking: false)
            run.model.with { ($0.restored, $0.saves) = ([], 0) }
            for number in 0..<40 {
                let key = ObjectKey(namespace: "n\(number % 3)", name: "s\(number)")
                let (before, after) = (run.services[key] ?? [], run.portals(number))
                run.services[key] = after
                _ = await run.rules.apply(KernelChange(services: [key: after]), checking: false)
                let texts = run.model.with { $0.restored }
                run.model.with { $0.restored = [] }
                #expect(texts.count <= 1)
                let lines = (texts.first ?? "").split(separator: "\n").filter { $0.hasPrefix("-") }
                #expect(lines.allSatisfy { $0.contains("\(key):p") }, "of no other Service")
                if before.filter({ $0.family == .ipv4 }) == after.filter({ $0.family == .ipv4 }) {
                    #expect(texts == [])
                }
            }
            #expect(run.model.with { $0.saves } == 0)
            try run.expect(await run.rules.apply(KernelChange(), checking: true), "at the end")
        }
    }
}

/// One family's rules over a model of its tables, and what they should be.
struct RandomRun {
    let family: IPAddress.Family
    let model: FirewallModel
    let rules: FamilyRules
    var random: SeededGenerator
    private let count: Int
    var services: [ObjectKey: [Portal]] = [:]
    private var node = NodeRedirection()
    private var hasBegun = false
    private var everRefused: Set<String> = []

    init(seed: UInt64, _ kind: Iptables.Variant, _ family: IPAddress.Family, count: Int = 12) {
        self.family = family
        self.count = count
        random = SeededGenerator(seed: seed)
        model = FirewallModel(kind)
        // Where there is no program `ip` there is no route.
        rules = FamilyRules(family, model, PolicyRoute(family, searchPath: []))
    }

    var isBare: Bool { node.networks[family] == nil }

    private func key(_ number: Int) -> ObjectKey { ObjectKey(namespace: "n\(number % 3)", name: "s\(number)") }

    /// Portals of every kind, or of none. No two Services have one portal.
    mutating func portals(_ number: Int) -> [Portal] {
        var portals: [Portal] = []
        for port in 0..<Int.random(in: 0...2, using: &random) {
            let transport: TransportProtocol = Bool.random(using: &random) ? .tcp : .udp
            let key = key(number)
            let owner = ServicePortID(
                ServicePortName(namespace: key.namespace, service: key.name, port: "p\(port)"), transport)
            let verdicts: [Portal.Verdict] = [
                .proxy(UInt16(4000 + number * 10 + port)), .proxy(UInt16(8000 + number * 10 + port)), .reject, .drop,
            ]
            func verdict() -> Portal.Verdict { verdicts[Int.random(in: 0..<4, using: &random)] }
            for family in IPAddress.Family.allCases {
                let prefix = family == .ipv4 ? "10.96.\(number)." : "fd00:\(number)::"
                let sources = [IPPrefix(family == .ipv4 ? "172.16.0.0/12" : "fd01::/64")].compactMap { $0 }
                let all = [
                    Portal(owner, .clusterIP(ip("\(prefix)1")), port: UInt16(80 + port), outside: verdict()),
                    Portal(
                        owner, .externalIP(ip("\(prefix)2")), port: UInt16(80 + port), outside: verdict(),
                        inside: verdict()),
                    // The same address may be external and a load balancer's.
                    Portal(owner, .loadBalancerIP(ip("\(prefix)2")), port: UInt16(80 + port), outside: verdict()),
                    Portal(
                        owner, .loadBalancerIP(ip("\(prefix)3")), port: UInt16(80 + port), sources: sources,
                        outside: verdict()),
                    Portal(
                        owner, .nodePort(family), port: UInt16(30_000 + number * 10 + port), outside: verdict(),
                        inside: verdict()),
                ]
                for portal in all where Bool.random(using: &random) { portals.append(portal) }
            }
        }
        return portals
    }

    private mutating func newNode() -> NodeRedirection {
        let hosts = family == .ipv4 ? ["192.168.1.5", "192.168.1.6"] : ["2001:db8::5", "2001:db8::6"]
        let pods = IPPrefix(family == .ipv4 ? "10.244.0.0/24" : "fd03::/64")
        var networks: [IPAddress.Family: NodeNetwork] = [:]
        if Int.random(in: 0..<5, using: &random) > 0 {
            networks[family] = NodeNetwork(
                hostIP: ip(hosts[Int.random(in: 0...1, using: &random)]),
                podRanges: Bool.random(using: &random) ? [pods].compactMap { $0 } : [])
        }
        return NodeRedirection(
            networks: networks, healthPorts: Bool.random(using: &random) ? [10_256] : [10_256, 30_999])
    }

    mutating func everything() -> KernelChange {
        for number in 0..<count { services[key(number)] = portals(number) }
        node = NodeRedirection(networks: [family: NodeNetwork(hostIP: ip("192.168.1.5"))])
        return KernelChange(services: services, node: node)
    }

    /// What is to be different, which it is from now on. Mostly few Services, now and then many.
    mutating func change() -> KernelChange {
        var change = KernelChange()
        let most = Int.random(in: 0..<6, using: &random) == 0 ? count : 2
        for _ in 0..<Int.random(in: 0...most, using: &random) {
            let number = Int.random(in: 0..<count, using: &random)
            let portals = portals(number)
            change.services[key(number)] = portals.shuffled(using: &random)
            services[key(number)] = portals
        }
        if !hasBegun || Int.random(in: 0..<8, using: &random) == 0 {
            hasBegun = true
            node = newNode()
            change.node = node
        }
        return change
    }

    mutating func mishap() {
        switch Int.random(in: 0..<10, using: &random) {
        case 0: model.with { $0.busy = 1 }
        case 1:
            let names = (0..<3).map { _ in "\(key(Int.random(in: 0..<count, using: &random))):" }
            model.with { $0.refused = Set(names) }
            everRefused.formUnion(names)
        case 2: model.with { $0.refused = [] }
        case 3: model.meddle { $0.tables["nat"] = $0.tables["nat"]?.mapValues { .init(isBuiltIn: $0.isBuiltIn) } }
        case 4, 5:
            let number = Int.random(in: 0..<1000, using: &random)
            model.meddle { Self.removeRule(number, &$0) }
        case 6:
            let number = Int.random(in: 0..<1000, using: &random)
            model.with { $0.meanwhile = { Self.removeRule(number, &$0) } }
        case 7: model.meddle { $0.tables["nat"]?["KUBE-PORTALS-HOST"]?.rules.append("-o lo -j ACCEPT") }
        case 8: model.meddle { $0.tables["filter"]?["INPUT"]?.rules.insert("-i eth7 -j DROP", at: 0) }
        default: break
        }
    }

    /// Any rule, also a jump.
    private static func removeRule(_ number: Int, _ state: inout FirewallModel.State) {
        let all = state.tables.sorted { $0.key < $1.key }.flatMap { table in
            table.value.sorted { $0.key < $1.key }.flatMap { chain in
                chain.value.rules.indices.map { (table.key, chain.key, $0) }
            }
        }
        guard !all.isEmpty else { return }
        let (table, chain, index) = all[number % all.count]
        state.tables[table]?[chain]?.rules.remove(at: index)
    }

    /// All of Portico's that is in the tables.
    var present: RuleSet {
        get throws {
            // Of another network the chains are the same.
            let node = NodeRedirection(networks: [family: NodeNetwork(hostIP: ip(family == .ipv4 ? "1.1.1.1" : "::1"))])
            guard let shape = RuleSet(KernelChange(node: node), family) else { return RuleSet(family: family) }
            return RuleSet(shape, in: try SavedRules(model.saved))
        }
    }

    /// The tables hold what the rules of all Services, made at once, would be; apart from what is refused.
    func expect(_ result: FamilyResult?, _ comment: Comment, sourceLocation: SourceLocation = #_sourceLocation) throws {
        let differences = try differences(result)
        #expect(
            differences.isEmpty, "\(comment): \(differences.prefix(5).joined(separator: "; "))",
            sourceLocation: sourceLocation)
    }

    private func differences(_ result: FamilyResult?) throws -> [String] {
        let refused = Set(result?.refused.map(\.owner) ?? [])
        var differences = refused.filter { !wasRefused($0) }.map { "\($0) is blamed for nothing" }
        let accepted = services.mapValues { $0.filter { !refused.contains($0.owner) } }
        guard let scratch = RuleSet(KernelChange(services: accepted, node: node), family) else {
            return differences + (result == nil && !model.saved.contains("KUBE-") ? [] : ["there are rules"])
        }
        if case .failure(let error)? = result?.outcome { differences.append("\(error)") }
        let present = try present
        for table in TableName.allCases {
            let (found, wanted) = (present[table], scratch[table])
            if found.jumps != wanted.jumps {
                differences.append("\(table): jumps to \(found.jumps.map(\.rule.target))")
            }
            if found.chains.map(\.name) != wanted.chains.map(\.name) {
                differences.append("\(table): chains \(found.chains.map(\.name))")
            }
            for chain in wanted.chains {
                let rules = found[chain.name]
                if !rules.starts(with: chain.rules.prefix(chain.head)) { differences.append("\(chain.name): head") }
                // Only the order of rules that see the same packets matters.
                let (a, b) = (
                    Dictionary(grouping: rules, by: Seen.init), Dictionary(grouping: chain.rules, by: Seen.init)
                )
                for key in Set(a.keys).union(b.keys) where a[key] != b[key] {
                    differences.append("\(chain.name): \(a[key] ?? []) and not \(b[key] ?? [])")
                }
            }
        }
        return differences
    }

    private struct Seen: Hashable {
        let transport: TransportProtocol?
        let ports: ClosedRange<UInt16>?
        let destination: IPPrefix?
        init(_ rule: Rule) { (transport, ports, destination) = (rule.transport, rule.ports, rule.destination) }
    }

    /// Whether the model has refused new rules of a service port at any time: what was refused is tried again together, and waits
    /// until none of it is refused any more, or until it changes.
    private func wasRefused(_ owner: ServicePortID) -> Bool {
        everRefused.contains { "\(owner.name)".hasPrefix($0) }
    }
}

/// The same numbers each time.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed &* 0x9E37_79B9_7F4A_7C15 | 1 }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state &* 0x2545_F491_4F6C_DD1D
    }
}
