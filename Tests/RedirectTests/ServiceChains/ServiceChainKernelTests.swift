import Balancing
import Base
import Glibc
import Redirect
import Resolution
import TestSupport
import Testing

/// What a kernel makes of the rules of kube-proxy's iptables mode, and says of them again.
@Suite(
    "Chains of Services in a kernel",
    .requires(.root, .networkNamespaces, .tool("nsenter"), .tool("ip"), .tool("iptables")))
struct ServiceChainKernelTests {
    /// Service ports of all kinds.
    private func ports(_ family: IPAddress.Family) throws -> [ServicePort] {
        let isIPv4 = family == .ipv4
        func address(_ number: Int) -> String { isIPv4 ? "10.96.0.\(number)" : "fd96::\(number)" }
        func pods(_ numbers: ClosedRange<Int>) -> [String] {
            numbers.map { isIPv4 ? "10.244.1.\($0):8080" : "[fd44::\($0)]:8080" }
        }
        let local = Set(pods(1...1))
        var ports = [
            try servicePort("default/plain", at: address(1), endpoints: pods(1...7), local: local),
            try servicePort("default/dns:dns", port: 53, .udp, at: address(2), endpoints: pods(2...3)),
            try servicePort("default/idle", at: address(3)),
            try servicePort("default/elsewhere", at: address(4), hasMore: true),
            try servicePort("default/sticky", at: address(5), endpoints: pods(1...2), local: local),
            try servicePort("default/outside", at: address(6), endpoints: pods(1...3), local: local),
        ]
        ports[3].internalTrafficPolicy = .local
        ports[4].affinity = .clientIP(seconds: 7)
        (ports[0].nodePort, ports[2].nodePort, ports[5].nodePort) = (30_000, 30_002, 30_005)
        ports[5].externalTrafficPolicy = .local
        ports[5].healthCheck = ServiceHealthCheck(nodePort: 31_000, localEndpoints: 1)
        ports[5].externalIPs = [ip(isIPv4 ? "203.0.113.9" : "2001:db8::9")]
        ports[5].loadBalancerIPs = [ip(isIPv4 ? "203.0.113.10" : "2001:db8::10")]
        ports[5].loadBalancerSourceRanges = [try range(isIPv4 ? "203.0.113.0/25" : "2001:db8::/64")]
        return ports
    }

    @Test("Read back as they were written, in both families and kinds", arguments: NamespaceTests.variants)
    func roundTrip(_ variant: Iptables.Variant) async throws {
        let namespace = try await Namespace()
        for family in IPAddress.Family.allCases {
            let range = try range(family == .ipv4 ? "10.244.0.0/16" : "fd44::/64")
            for traffic in [ServiceChainNode.LocalTraffic.range(range), .bridge("cbr0"), .interfacePrefix("veth")] {
                let node = ServiceChainNode(family: family, localTraffic: traffic)
                let wanted = RuleSet(serviceChains: try ports(family), on: node)
                let program = family == .ipv4 ? "iptables-\(variant.rawValue)" : "ip6tables-\(variant.rawValue)"
                try await namespace.run("\(program)-restore", "--noflush", input: wanted.text)
                let saved = try SavedRules(try await namespace.run("\(program)-save", ""))
                #expect(RuleSet(wanted, in: saved) == wanted)
                // What is there is known as a whole, so that a change costs what has changed.
                #expect(wanted.transaction(from: RuleSet(wanted, in: saved)) == nil)
                for table in ["nat", "filter"] { try await namespace.run(program, "-t \(table) -F") }
                for table in ["nat", "filter"] { try await namespace.run(program, "-t \(table) -X") }
            }
        }
    }

    @Test("Each endpoint gets its part, and who is no pod is marked", arguments: NamespaceTests.variants)
    func traffic(_ variant: Iptables.Variant) async throws {
        let namespace = try await Namespace()
        let pods = ["10.9.0.1", "10.9.0.2", "10.9.0.3"]
        for pod in pods { try await namespace.run("ip", "address add \(pod)/32 dev lo") }
        let port = try servicePort("default/web", at: "10.96.0.1", endpoints: pods.map { "\($0):8080" })
        let rules = try ServiceChainExample.rules([port])
        try await namespace.run("iptables-\(variant.rawValue)-restore", "--noflush", input: rules.text)
        let listener = try await namespace.listen(8080, backlog: 128)
        defer { _ = Glibc.close(listener) }
        for _ in 0..<60 {
            #expect(try await namespace.connect(from: .neighbour, to: "10.96.0.1", 80) == .connected)
        }
        let saved = try await namespace.run("iptables-\(variant.rawValue)-save", "-c -t nat")
        let counts = saved.split(separator: "\n").filter { $0.contains("DNAT") }.compactMap { line in
            line.dropFirst().split(separator: ":").first.flatMap { Int($0) }
        }
        #expect(counts.count == 3 && counts.reduce(0, +) == 60)
        // A fair choice gives less than 5 of 60 to one of three once in a hundred thousand times.
        #expect(counts.allSatisfy { $0 >= 5 }, "\(counts)")
        // Who is no pod gets the mark that has him masqueraded.
        let marked = saved.split(separator: "\n").first { $0.contains("! -s 10.244.0.0/16") }
        #expect(marked?.hasPrefix("[60:") == true, "\(marked ?? "no rule")")
    }
}
