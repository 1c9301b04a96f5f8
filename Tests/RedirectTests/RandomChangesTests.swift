import Balancing
import Base
import Objects
import Resolution
import TestSupport
import Testing

@testable import Redirect

/// Any sequence of changes and mishaps, with work for what has changed alone, against the rules of all Services made at once.
@Suite("Rules by Service are the rules of all Services") struct RandomChangesTests {
    @Test("Changes alone", arguments: Iptables.Variant.allCases, IPAddress.Family.allCases)
    func changes(_ kind: Iptables.Variant, _ family: IPAddress.Family) async throws {
        for seed in 1...12 {
            var run = RandomRun(seed: UInt64(seed), kind, family)
            var before = try run.present
            for step in 0..<30 {
                let change = run.change()
                let result = await run.rules.apply(change, checking: step % 7 == 6)
                let present = try run.expect(result, "seed \(seed), step \(step)")
                // What the kernel remembers of flows is forgotten where rules are others than before, and nowhere else.
                let forgotten = Set(run.model.with { $0.forgotten })
                let stale = Set(present.staleFlows(since: before))
                before = present
                #expect(forgotten == stale || run.isBare, "seed \(seed), step \(step)")
                run.model.with { $0.forgotten = [] }
            }
        }
    }

    @Test(
        "Changes while others touch the firewall, hold the lock, and rules are refused",
        arguments: Iptables.Variant.allCases)
    func mishaps(_ kind: Iptables.Variant) async throws {
        for seed in 1...15 {
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
            var run = RandomRun(seed: 6, kind, .ipv4, count: 200)
            _ = await run.rules.apply(run.everything(), checking: false)
            run.model.with { ($0.restored, $0.saves) = ([], 0) }
            for number in 0..<40 {
                let key = ObjectKey(namespace: "n\(number % 3)", name: "s\(number)")
                let (before, after) = (run.services[key] ?? [], run.service(number))
                run.services[key] = after
                _ = await run.rules.apply(KernelChange(services: [key: after]), checking: false)
                let texts = run.model.with { $0.restored }
                run.model.with { $0.restored = [] }
                #expect(texts.count <= 1)
                let lines = (texts.first ?? "").split(separator: "\n").filter { $0.hasPrefix("-") }
                #expect(lines.allSatisfy { $0.contains("\(key):p") }, "of no other Service")
                if before.part(of: .ipv4) == after.part(of: .ipv4) {
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
    var services: [ObjectKey: KernelService] = [:]
    private var node = NodeRedirection()
    /// Who carries Services: the proxy, the kernel, or each some of them.
    private let carriers: (proxy: Bool, kernel: Bool)
    private var hasBegun = false
    private var everRefused: Set<String> = []

    init(seed: UInt64, _ kind: Iptables.Variant, _ family: IPAddress.Family, count: Int = 12) {
        self.family = family
        carriers = [(true, false), (false, true), (true, true)][Int(seed % 3)]
        // What the kernel carries has many more rules.
        self.count = carriers.kernel ? count / 2 : count
        random = SeededGenerator(seed: seed)
        model = FirewallModel(kind)
        // Where there is no program `ip` there is no route.
        rules = FamilyRules(family, model, PolicyRoute(family, searchPath: []))
    }

    var isBare: Bool { node.networks[family] == nil }

    private func key(_ number: Int) -> ObjectKey { ObjectKey(namespace: "n\(number % 3)", name: "s\(number)") }

    /// Service ports of every kind, or none. No two Services have one portal.
    mutating func service(_ number: Int) -> KernelService {
        var service = KernelService(portals: portals(number), carried: [])
        guard carriers.kernel else { return service }
        for owner in Set(service.portals.map(\.owner)).sorted() where !carriers.proxy || Bool.random(using: &random) {
            let port = carried(owner, in: service.portals, number)
            service.portals.removeAll { $0.owner == owner }
            service.portals += Portal.portals(of: port, proxy: nil)
            service.carried.append(port)
        }
        return service
    }

    /// One with the same addresses, for the kernel.
    private mutating func carried(_ owner: ServicePortID, in portals: [Portal], _ number: Int) -> ServicePort {
        var port = ServicePort(name: owner.name, transport: owner.transport, port: 0)
        for portal in portals where portal.owner == owner {
            switch portal.place {
            case .clusterIP(let address): port.clusterIPs.append(address)
            case .externalIP(let address): port.externalIPs.append(address)
            case .loadBalancerIP(let address): port.loadBalancerIPs.append(address)
            case .nodePort:
                port.nodePort = portal.port
                continue
            }
            port.port = portal.port
            if !portal.sources.isEmpty { port.loadBalancerSourceRanges = portal.sources }
        }
        func policy() -> TrafficPolicy { Bool.random(using: &random) ? .cluster : .local }
        (port.internalTrafficPolicy, port.externalTrafficPolicy) = (policy(), policy())
        if Bool.random(using: &random) { port.affinity = .clientIP(seconds: 10) }
        func selection(_ prefix: String) -> FamilySelection {
            let numbers = (1...4).filter { _ in Bool.random(using: &random) }
            let all = numbers.map { last in
                ServiceEndpoint(
                    address: EndpointAddress(ip: ip("\(prefix)\(last)"), port: 8080), isLocal: last % 2 == 0)
            }
            return FamilySelection(
                cluster: all, local: all.filter(\.isLocal), hasAny: !all.isEmpty || Bool.random(using: &random))
        }
        port.endpoints = EndpointSelection(
            ipv4: selection("10.244.\(number)."), ipv6: selection("fd00:244:\(number)::"))
        return port
    }

    /// Portals of every kind, or of none.
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
            networks: networks, healthPorts: Bool.random(using: &random) ? [10_256] : [10_256, 30_999],
            redirects: carriers.proxy,
            carriage: carriers.kernel ? KernelCarriage(routesLocalhost: Bool.random(using: &random)) : nil)
    }

    mutating func everything() -> KernelChange {
        for number in 0..<count { services[key(number)] = service(number) }
        node = NodeRedirection(
            networks: [family: NodeNetwork(hostIP: ip("192.168.1.5"))], redirects: carriers.proxy,
            carriage: carriers.kernel ? KernelCarriage() : nil)
        return KernelChange(services: services, node: node)
    }

    /// What is to be different, which it is from now on. Mostly few Services, now and then many.
    mutating func change() -> KernelChange {
        var change = KernelChange()
        let most = Int.random(in: 0..<6, using: &random) == 0 ? count : 2
        for _ in 0..<Int.random(in: 0...most, using: &random) {
            let number = Int.random(in: 0..<count, using: &random)
            let service = service(number)
            services[key(number)] = service
            change.services[key(number)] = KernelService(
                portals: service.portals.shuffled(using: &random), carried: service.carried)
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
            let saved = try SavedRules(model.saved)
            let shape = RuleSet(KernelChange(services: services, node: node), family) ?? RuleSet(family: family)
            var present = RuleSet(shape, in: saved)
            // What nobody should have left.
            let names = Set(shape[.nat].chains.map(\.name))
            for table in saved.tables where table.name == "nat" {
                for chain in table.chains where KubeProxyChains.isOfOneService(chain.name, in: "nat") {
                    if let index = present.tables.firstIndex(where: { $0.name == .nat }), !names.contains(chain.name) {
                        present.tables[index].chains.append(Chain(chain.name))
                    }
                }
            }
            return present
        }
    }

    /// The tables hold what the rules of all Services, made at once, would be; apart from what is refused.
    ///
    /// - Returns: what they hold.
    @discardableResult
    func expect(
        _ result: FamilyResult?, _ comment: Comment, sourceLocation: SourceLocation = #_sourceLocation
    ) throws -> RuleSet {
        let present = try present
        let differences = try differences(present, result)
        #expect(
            differences.isEmpty, "\(comment): \(differences.prefix(5).joined(separator: "; "))",
            sourceLocation: sourceLocation)
        return present
    }

    private func differences(_ present: RuleSet, _ result: FamilyResult?) throws -> [String] {
        let refused = Set(result?.refused.map(\.owner) ?? [])
        var differences = refused.filter { !wasRefused($0) }.map { "\($0) is blamed for nothing" }
        let accepted = services.mapValues { $0.removing(refused) }
        guard let scratch = RuleSet(KernelChange(services: accepted, node: node), family) else {
            return differences + (result == nil && !hasRules ? [] : ["there are rules"])
        }
        if case .failure(let error)? = result?.outcome { differences.append("\(error)") }
        for table in TableName.allCases {
            let (found, wanted) = (present[table], scratch[table])
            if found.jumps != wanted.jumps {
                differences.append("\(table): jumps to \(found.jumps.map(\.rule.target))")
            }
            if Set(found.chains.map(\.name)) != Set(wanted.chains.map(\.name)) {
                differences.append("\(table): chains \(found.chains.map(\.name))")
            }
            for chain in wanted.chains {
                let rules = found[chain.name]
                if !rules.starts(with: chain.rules.prefix(chain.head)) { differences.append("\(chain.name): head") }
                if !rules.suffix(chain.tail).elementsEqual(chain.rules.suffix(chain.tail)) {
                    differences.append("\(chain.name): tail")
                }
                if !chain.isShared, rules != chain.rules { differences.append("\(chain.name): \(rules)") }
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

    private var hasRules: Bool {
        // That chain is the kubelet's as well.
        model.saved.split(separator: "\n").contains { $0.contains("KUBE-") && !$0.contains("KUBE-FIREWALL") }
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
