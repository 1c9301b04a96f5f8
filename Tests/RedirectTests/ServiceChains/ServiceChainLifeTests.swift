import Balancing
import Base
import Objects
import Redirect
import Resolution
import TestSupport
import Testing

/// Services that the kernel carries by itself, kept in a real firewall.
@Suite(
    "Chains of Services as they change",
    .requires(.root, .networkNamespaces, .tool("nsenter"), .tool("ip"), .tool("iptables")))
struct ServiceChainLifeTests {
    private let network = NodeNetwork(hostIP: ip("192.168.1.5"))

    private func node(_ family: IPAddress.Family, _ carriage: KernelCarriage? = KernelCarriage()) -> NodeRedirection {
        let pods = [IPPrefix(family == .ipv4 ? "10.244.0.0/16" : "fd44::/64")].compactMap { $0 }
        let host = NodeNetwork(hostIP: ip(family == .ipv4 ? "192.168.1.5" : "2001:db8::5"), podRanges: pods)
        return NodeRedirection(networks: [family: host], redirects: carriage == nil, carriage: carriage)
    }

    private func service(_ port: ServicePort) -> (ObjectKey, KernelService) {
        (
            ObjectKey(namespace: port.name.namespace, name: port.name.service),
            KernelService(portals: Portal.portals(of: port, proxy: nil), carried: [port])
        )
    }

    private func web(_ number: Int, _ family: IPAddress.Family, pods: ClosedRange<Int>) throws -> ServicePort {
        let isIPv4 = family == .ipv4
        var port = try servicePort(
            "default/web\(number)", at: isIPv4 ? "10.96.1.\(number)" : "fd96::\(number)",
            endpoints: pods.map { isIPv4 ? "10.244.\(number).\($0):80" : "[fd44::\(number):\($0)]:80" })
        if number % 2 == 0 { port.nodePort = UInt16(30_000 + number) }
        return port
    }

    private func change(_ ports: [ServicePort], on node: NodeRedirection? = nil) -> KernelChange {
        KernelChange(services: Dictionary(uniqueKeysWithValues: ports.map(service)), node: node)
    }

    private func lines(_ result: KernelResult, _ family: IPAddress.Family) throws -> Int {
        guard case .applied(let lines) = try #require(result.families[family]).outcome.get() else { return 0 }
        return lines
    }

    @Test("Each change costs its Service, and what others do is put right", arguments: NamespaceTests.variants)
    func life(_ variant: Iptables.Variant) async throws {
        let namespace = try await Namespace()
        for family in IPAddress.Family.allCases {
            let program = "\(family == .ipv4 ? "iptables" : "ip6tables")-\(variant.rawValue)"
            let rules = IptablesRedirect(try namespace.iptables(variant), families: [family])
            let all = try (1...30).map { try web($0, family, pods: 1...3) }
            _ = await rules.apply(change(all, on: node(family)), checking: false)
            func isSettled() async throws -> Bool {
                try lines(await rules.apply(KernelChange(), checking: true), family) == 0
            }
            #expect(try await isSettled())
            let first = try await namespace.run("\(program)-save", "-t nat")

            // Two endpoints more, two fewer, and back: lines of this Service alone.
            for (number, pods) in [(3, 1...5), (4, 1...1), (3, 1...3), (4, 1...3)] {
                let result = await rules.apply(change([try web(number, family, pods: pods)]), checking: false)
                #expect(try (1...30).contains(lines(result, family)) && result.cost.processes == 1)
                #expect(try await isSettled(), "web\(number) with \(pods.count)")
            }
            #expect(try await sorted(namespace.run("\(program)-save", "-t nat")) == sorted(first))

            // One goes, and comes back; node ports stay last all the while.
            for gone in [true, false] {
                let (key, there) = service(try web(6, family, pods: 1...3))
                _ = await rules.apply(KernelChange(services: [key: gone ? [] : there]), checking: false)
                #expect(try await isSettled())
                let saved = try await namespace.run("\(program)-save", "-t nat")
                #expect(saved.contains("default/web6") == !gone)
                let last = saved.split(separator: "\n").last { $0.hasPrefix("-A KUBE-SERVICES ") }
                #expect(last?.contains("-j KUBE-NODEPORTS") == true)
            }
            #expect(try await sorted(namespace.run("\(program)-save", "-t nat")) == sorted(first))

            for harm in [
                "-t nat -F KUBE-SERVICES", "-t nat -A KUBE-SERVICES -j RETURN", "-t nat -F KUBE-MARK-MASQ",
                "-t nat -N KUBE-SVC-AAAAAAAAAAAAAAAA", "-t filter -F", "-t nat -D POSTROUTING 1",
            ] {
                try await namespace.run(program, harm)
                _ = await rules.apply(KernelChange(), checking: true)
                #expect(try await isSettled(), "\(harm)")
                #expect(try await sorted(namespace.run("\(program)-save", "-t nat")) == sorted(first), "\(harm)")
            }
            // They are another's by then, who looks after them by this.
            try await namespace.run(program, "-t mangle -N KUBE-PROXY-CANARY")
            #expect(await rules.removeAll().isEmpty)
            #expect(try await sorted(namespace.run("\(program)-save", "-t nat")) == sorted(first))
            try await namespace.run(program, "-t mangle -X KUBE-PROXY-CANARY")
            #expect(await rules.removeAll().isEmpty)
            let left = try await namespace.run("\(program)-save", "")
            #expect(!left.replacing("KUBE-FIREWALL", with: "").contains("KUBE-"), "\(left)")
        }
    }

    @Test("What a kube-proxy has written in another order is followed all the same", arguments: NamespaceTests.variants)
    func otherOrder(_ variant: Iptables.Variant) async throws {
        let namespace = try await Namespace()
        var port = try web(2, .ipv4, pods: 1...2)
        port.externalTrafficPolicy = .local
        let wanted = try #require(RuleSet(change([port], on: node(.ipv4)), .ipv4))
        let own = "-p tcp -m tcp --dport 30002 -m addrtype --dst-type LOCAL"
        let text = wanted.text.replacing(own, with: "-m addrtype --dst-type LOCAL -m tcp -p tcp --dport 30002")
        try #require(text != wanted.text)
        try await namespace.run("iptables-\(variant.rawValue)-restore", "--noflush", input: text)
        let rules = IptablesRedirect(try namespace.iptables(variant), families: [.ipv4])
        #expect(await rules.apply(change([port], on: node(.ipv4)), checking: false).isInForce)
        // From here on it is served.
        port.endpoints.ipv4.local = port.endpoints.ipv4.cluster
        let result = await rules.apply(change([port]), checking: false)
        #expect(result.isInForce && result.families[.ipv4]?.refused.isEmpty == true)
        #expect(try lines(await rules.apply(KernelChange(), checking: true), .ipv4) == 0)
        let saved = try await namespace.run("iptables-\(variant.rawValue)-save", "")
        #expect(!saved.contains("has no local endpoints"))
    }

    @Test("Above 1,000 endpoints rules do not say which they are for, and far below they do again")
    func largeCluster() async throws {
        let variant = try #require(NamespaceTests.variants.first)
        let namespace = try await Namespace()
        let rules = IptablesRedirect(try namespace.iptables(variant), families: [.ipv4])
        func said(_ change: KernelChange) async throws -> Bool {
            let result = await rules.apply(change, checking: false)
            #expect(result.isInForce)
            #expect(try lines(await rules.apply(KernelChange(), checking: true), .ipv4) == 0)
            return try await namespace.run("iptables-\(variant.rawValue)-save", "-t nat").contains(" -> ")
        }
        let all = try (1...10).map { try web($0, .ipv4, pods: 1...100) }
        #expect(try await said(change(all, on: node(.ipv4))))
        #expect(try await !said(change([try web(11, .ipv4, pods: 1...1)])))
        #expect(try await !said(change([try web(3, .ipv4, pods: 1...101)])))
        #expect(try await !said(change([try web(4, .ipv4, pods: 1...1)])), "903, and not to and fro")
        #expect(try await said(change([try web(5, .ipv4, pods: 1...1)])))
    }

    private func sorted(_ saved: String) -> [Substring] {
        // Without counters, and the times of the comments.
        saved.split(separator: "\n").filter { $0.hasPrefix("-A") || $0.contains(" - [") }.sorted()
    }

    @Test("A kube-proxy's rules are taken over, and those of the proxy: both ways", arguments: NamespaceTests.variants)
    func modes(_ variant: Iptables.Variant) async throws {
        let namespace = try await Namespace()
        let program = "iptables-\(variant.rawValue)"
        try await namespace.run("\(program)-restore", "--noflush", input: try fixture("iptables-mode.txt"))
        let all = try (1...5).map { try web($0, .ipv4, pods: 1...3) }
        let carried = try #require(RuleSet(change(all, on: node(.ipv4)), .ipv4))
        for round in 0..<3 {
            let carrying = IptablesRedirect(try namespace.iptables(variant), families: [.ipv4])
            _ = await carrying.apply(change(all, on: node(.ipv4)), checking: false)
            let saved = try SavedRules(try await namespace.run("\(program)-save", ""))
            #expect(RuleSet(carried, in: saved) == carried, "round \(round)")
            let names = Set(saved.tables.flatMap(\.chains).map(\.name).filter { $0.hasPrefix("KUBE-") })
            #expect(names == Set(carried.tables.flatMap(\.chains).map(\.name)), "round \(round)")

            let portals = all.flatMap { port in
                Portal.portals(of: port, proxy: ProxyPorts(cluster: 4000)).filter { $0.family == .ipv4 }
            }
            let wanted = Wanted(portals: portals, ipv4: network)
            let redirecting = IptablesRedirect(try namespace.iptables(variant), families: [.ipv4])
            _ = await redirecting.apply(wanted.change, checking: false)
            let text = try await namespace.run("\(program)-save", "")
            #expect(!text.contains("KUBE-SVC") && !text.contains("KUBE-SERVICES"), "round \(round)")
            let led = try #require(wanted.rules(for: .ipv4))
            #expect(RuleSet(led, in: try SavedRules(text)) == led)
        }
    }

    @Test("A service port whose rules are refused is set aside, and all others are in force")
    func refused() async throws {
        let variant = try #require(NamespaceTests.variants.first)
        let namespace = try await Namespace()
        var ports = try (1...6).map { try web($0, .ipv4, pods: 1...2) }
        // No kernel has a list of this length in its memory.
        ports[2].affinity = .clientIP(seconds: -1)
        let rules = IptablesRedirect(try namespace.iptables(variant), families: [.ipv4])
        let result = await rules.apply(change(ports, on: node(.ipv4)), checking: false)
        #expect(result.families[.ipv4]?.refused.map(\.owner.name.service) == ["web3"])
        let saved = try await namespace.run("iptables-\(variant.rawValue)-save", "-t nat")
        #expect(saved.contains("default/web2") && saved.contains("default/web6") && !saved.contains("default/web3"))
    }
}
