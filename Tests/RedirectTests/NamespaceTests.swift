import Base
import Glibc
import Redirect
import TestSupport
import Testing

/// The real iptables, in a network namespace of its own: what the kernel takes, and how it says it again.
@Suite(
    "A real firewall", .requires(.root, .networkNamespaces, .tool("nsenter"), .tool("ip"), .tool("iptables")))
struct NamespaceTests {
    static let variants = Iptables.Variant.allCases.filter { findProgram("iptables-\($0.rawValue)-restore") != nil }

    @Test("Applied, read back as the same, flushed, found out, repaired, removed", arguments: variants)
    func life(_ variant: Iptables.Variant) async throws {
        let namespace = try await Namespace()
        for family in IPAddress.Family.allCases {
            let iptables = try namespace.iptables(variant)
            let keeper = Keeper(family, iptables)
            let wanted = try everything(proxy: 4000)
            guard case .applied = try await keeper.apply(wanted) else {
                Issue.record("nothing was applied")
                return
            }
            // Compared with what the kernel says, whose order of matches and tables is its own.
            #expect(try await keeper.repair(wanted) == .unchanged)

            // By a delta.
            let fewer = try everything(proxy: 5000)
            let (before, after) = (try #require(wanted.rules(for: family)), try #require(fewer.rules(for: family)))
            let lines = try #require(after.transaction(from: before)).split(separator: "\n").count
            #expect(try await keeper.apply(fewer) == .applied(lines: lines))
            #expect(try await keeper.repair(fewer) == .unchanged)

            // Each kind of rule can be deleted by what it says.
            var plan = try everything(proxy: 5000)
            for index in plan.portals.indices where plan.portals[index].family == family {
                let portal = plan.portals.remove(at: index)
                #expect(try await keeper.apply(plan) != .unchanged)
                #expect(try await keeper.repair(plan) == .unchanged)
                plan.portals.insert(portal, at: index)
                try await keeper.apply(fewer)
            }
            #expect(try await keeper.repair(fewer) == .unchanged)

            // Somebody else's rule in one's own chain goes, the one next to a jump stays.
            let program = family == .ipv4 ? "iptables" : "ip6tables"
            try await namespace.run("\(program)-\(variant.rawValue)", "-t nat -I KUBE-PORTALS-HOST -o lo -j ACCEPT")
            try await namespace.run("\(program)-\(variant.rawValue)", "-t nat -I PREROUTING -i lo -j ACCEPT")
            guard case .applied = try await keeper.repair(fewer) else {
                Issue.record("the foreign rule was not noticed")
                return
            }
            #expect(try await keeper.repair(fewer) == .unchanged)

            try await namespace.run("\(program)-\(variant.rawValue)", "-t nat -F")
            guard case .applied = try await keeper.repair(fewer) else {
                Issue.record("the flush was not noticed")
                return
            }
            #expect(try await keeper.repair(fewer) == .unchanged)

            try await keeper.removeAll()
            #expect(try await namespace.run("\(program)-\(variant.rawValue)-save", "").contains("PORTALS") == false)
            guard case .applied = try await keeper.apply(fewer) else {
                Issue.record("what was removed was thought to be there")
                return
            }
        }
    }

    @Test("What a kube-proxy in iptables mode has left goes, in both families and kinds", arguments: variants)
    func leftovers(_ variant: Iptables.Variant) async throws {
        let namespace = try await Namespace()
        let text = try fixture("iptables-mode.txt")
        try await namespace.run("iptables-\(variant.rawValue)-restore", "--noflush", input: text)
        let keeper = Keeper(.ipv4, try namespace.iptables(variant))
        let wanted = try everything(proxy: 4000)
        try await keeper.apply(wanted)
        #expect(await keeper.warnings == [])
        #expect(try await keeper.repair(wanted) == .unchanged)
        let saved = try await namespace.run("iptables-\(variant.rawValue)-save", "")
        for name in ["KUBE-SERVICES", "KUBE-SVC-", "KUBE-SEP-", "KUBE-POSTROUTING"] { #expect(!saved.contains(name)) }
        // The kubelet's.
        #expect(saved.contains("-A INPUT -j KUBE-FIREWALL"))

        let report = Cleanup.run(searchPath: [namespace.folder.path])
        #expect(report.errors.isEmpty)
        #expect(report.removed == ["chains of iptables-\(variant.rawValue)"])
        #expect(Cleanup.run(searchPath: [namespace.folder.path]).removed.isEmpty)
    }

    @Test("Who gets to the proxy and who does not, from the node and from beside it", arguments: variants)
    func capture(_ variant: Iptables.Variant) async throws {
        let namespace = try await Namespace()
        let listener = try await namespace.listen(4000)
        defer { close(listener) }
        let neighbours = try range("192.168.1.6/32")
        let plan = Wanted(
            portals: [
                Portal(web, .clusterIP(ip("10.96.0.1")), port: 80, outside: .proxy(4000)),
                Portal(web, .clusterIP(ip("10.96.0.2")), port: 80, outside: .reject),
                Portal(web, .clusterIP(ip("10.96.0.3")), port: 80, outside: .drop),
                Portal(web, .externalIP(ip("192.168.1.5")), port: 81, outside: .proxy(4000)),
                Portal(
                    web, .loadBalancerIP(ip("192.0.2.1")), port: 80, sources: [neighbours], outside: .proxy(4000)),
                Portal(
                    web, .loadBalancerIP(ip("192.0.2.2")), port: 80, sources: [try range("172.16.0.0/12")],
                    outside: .proxy(4000)),
                Portal(web, .nodePort(.ipv4), port: 30080, outside: .proxy(4000)),
                Portal(web, .nodePort(.ipv4), port: 30081, outside: .drop, inside: .proxy(4000)),
                Portal(web, .nodePort(.ipv4), port: 30082, outside: .reject),
            ], ipv4: try node())
        try await Keeper(.ipv4, namespace.iptables(variant)).apply(plan)

        for (host, port, outside, inside) in [
            ("10.96.0.1", 80, .connected, .connected), ("10.96.0.2", 80, .refused, .refused),
            ("10.96.0.3", 80, .silence, .silence), ("192.168.1.5", 81, .connected, .connected),
            ("192.0.2.1", 80, .connected, .silence), ("192.0.2.2", 80, .silence, .silence),
            ("192.168.1.5", 30080, .connected, .connected), ("192.168.1.5", 30081, .silence, .connected),
            ("192.168.1.5", 30082, .refused, .refused),
            // Nobody's: the host itself refuses.
            ("192.168.1.5", 30083, .refused, .refused),
        ] as [(String, UInt16, Namespace.Answer, Namespace.Answer)] {
            let beside = try await namespace.connect(from: .neighbour, to: host, port)
            #expect(beside == outside, "\(host):\(port) from beside")
            let node = try await namespace.connect(from: .node, to: host, port)
            #expect(node == inside, "\(host):\(port) from the node")
        }
        #expect(try await namespace.connect(from: .node, to: "127.0.0.1", 30080) == .connected)
    }

    /// Portals of every kind and verdict in both families.
    private func everything(proxy: UInt16) throws -> Wanted {
        var portals: [Portal] = []
        for (number, prefix) in ["10.96.0.", "fd00::"].enumerated() {
            let family: IPAddress.Family = number == 0 ? .ipv4 : .ipv6
            let sources = [try range(number == 0 ? "172.16.0.0/12" : "fd01::/64")]
            portals += [
                Portal(web, .clusterIP(ip(prefix + "1")), port: 80, outside: .proxy(proxy)),
                Portal(dns, .clusterIP(ip(prefix + "10")), port: 53, outside: .proxy(5300)),
                Portal(web, .clusterIP(ip(prefix + "2")), port: 80, outside: .reject),
                Portal(dns, .clusterIP(ip(prefix + "20")), port: 53, outside: .reject),
                Portal(web, .externalIP(ip(prefix + "3")), port: 80, outside: .proxy(4000)),
                Portal(web, .externalIP(ip(prefix + "4")), port: 80, outside: .drop, inside: .proxy(4000)),
                Portal(web, .loadBalancerIP(ip(prefix + "5")), port: 80, sources: sources, outside: .proxy(4000)),
                Portal(web, .nodePort(family), port: 30080, outside: .proxy(4000)),
                Portal(dns, .nodePort(family), port: 30053, outside: .drop, inside: .proxy(5300)),
            ]
        }
        return Wanted(
            portals: portals, ipv4: try node(nodePorts: [range("192.168.1.0/24")], pods: [range("10.244.0.0/24")]),
            ipv6: NodeNetwork(
                hostIP: ip("fd02::1"), podRanges: [try range("fd03::/64")], nodeAddresses: [ip("fd01::7")]))
    }
}
