import Balancing
import Base
import Cluster
import Manifests
import Objects
import Redirect
import Resolution
import TestSupport
import Testing

/// Portico's rules beside those that a real kube-proxy in userspace mode wrote for the same services. Each difference is
/// named here, and explained in docs/redirect.md.
@Suite("A recorded kube-proxy")
struct RecordedTests {
    /// The recorded rules of the chains that Portico knows, as values.
    private func recorded(_ wanted: RuleSet, _ program: String) throws -> RuleSet {
        let saved = try SavedRules(
            fixture("\(program)-save-filter.txt") + fixture("\(program)-save-nat.txt"))
        return RuleSet(wanted, in: saved)
    }

    /// What Portico plans for the recorded services, at the proxy ports that kube-proxy had drawn.
    private func plan() async throws -> Wanted {
        let sources = try ["00-nodes", "10-services", "30-endpointslices"].map {
            ManifestInput.path(try fixturePath("manifests/\($0).yaml"))
        }
        var changes = try #require(await ManifestSource(sources).next()).changes
        // Its controllers are not in the manifests: one gives load balancers their addresses, one runs the API's Service.
        for (name, address) in ["my-lb": "192.0.2.127", "my-lb-local": "192.0.2.128"] {
            let found = changes.objects.values.lazy.compactMap { object -> Service? in
                if case .service(let service)? = object, service.metadata.name == name { service } else { nil }
            }
            var service = try #require(found.first)
            service.status.loadBalancer.ingress = [LoadBalancerStatus.Ingress(ip: address)]
            changes.update(.service(service))
        }
        var resolver = Resolver(ResolutionContext(nodeName: "node-a"))
        _ = resolver.apply(changes)
        var ports = resolver.resolution.ports
        let api = ServiceEndpoint(address: try #require(EndpointAddress("10.250.0.1:6443")))
        ports.append(
            ServicePort(
                name: ServicePortName(namespace: "default", service: "kubernetes", port: "https"), port: 443,
                clusterIPs: [ip("10.96.0.1")],
                endpoints: EndpointSelection(ipv4: FamilySelection(cluster: [api], hasAny: true))))

        let proxyPorts = try recordedProxyPorts()
        let portals = ports.flatMap { port in
            let key = "\(port.name) \(port.transport)"
            return Portal.portals(of: port, proxy: ProxyPorts(cluster: proxyPorts[key] ?? 6))
        }
        return Wanted(
            portals: portals, ipv4: NodeNetwork(hostIP: ip("10.250.9.1")),
            ipv6: NodeNetwork(hostIP: ip("fd00:250:9::1")))
    }

    private func recordedProxyPorts() throws -> [String: UInt16] {
        var ports: [String: UInt16] = [:]
        for rule in try recorded(bare(), "iptables")[.nat][ChainName.portalsHost] {
            let transport = try #require(rule.transport)
            guard case .dnat(let address) = rule.target else { continue }
            ports["\(rule.comment ?? "") \(transport)"] = address.port
        }
        return ports
    }

    /// Which rules of portals are in the one and not in the other; by whichever of a node's addresses they lead to a proxy port.
    private func difference(_ a: RuleSet, _ b: RuleSet) -> Set<String> {
        func portals(_ rule: Rule) -> Rule {
            var rule = rule
            switch rule.target {
            case .dnat(let address): rule.target = .redirect(address.port)
            case .dnatPort(let port): rule.target = .redirect(port)
            default: break
            }
            return rule
        }
        func all(_ set: RuleSet) -> Set<String> {
            Set(
                set.tables.flatMap(\.chains).filter {
                    ![ChainName.nodePortNonLocal, ChainName.proxyPorts].contains($0.name)
                }
                .flatMap { chain in chain.rules.map { "\(chain.name) \(portals($0))" } })
        }
        return all(a).subtracting(all(b))
    }

    @Test("IPv4: the same but for services without endpoints and for source ranges")
    func ipv4() async throws {
        let rules = try #require(try await plan().rules(for: .ipv4))
        let recorded = try recorded(rules, "iptables")
        #expect(recorded[.nat].chains.map(\.name) == rules[.nat].chains.map(\.name))
        #expect(recorded[.nat].jumps == rules[.nat].jumps)
        #expect(recorded[.filter].chains.map(\.name) == [ChainName.nodePortNonLocal])
        #expect(recorded[.filter].jumps.map(\.rule.target) == [.jump(ChainName.nodePortNonLocal)])
        #expect(recorded[.nat].chains.flatMap(\.rules).count == 56)

        let empty = #"-m comment --comment "shop/my-no-endpoints:http" -p tcp -m tcp --dport"#
        let lb = #"-m comment --comment "default/my-lb:http" -p tcp -m tcp --dport 80 -d 192.0.2.127/32"#
        #expect(
            difference(recorded, rules) == [
                // Captured by kube-proxy, which then closes the connection.
                "KUBE-PORTALS-CONTAINER \(empty) 80 -d 10.100.100.11/32 -j REDIRECT --to-ports 38157",
                "KUBE-PORTALS-HOST \(empty) 80 -d 10.100.100.11/32 -j REDIRECT --to-ports 38157",
                "KUBE-NODEPORT-CONTAINER \(empty) 30090 -j REDIRECT --to-ports 38157",
                "KUBE-NODEPORT-HOST \(empty) 30090 -j REDIRECT --to-ports 38157",
                // Open to everybody.
                "KUBE-PORTALS-CONTAINER \(lb) -j REDIRECT --to-ports 39425",
                "KUBE-PORTALS-HOST \(lb) -j REDIRECT --to-ports 39425",
            ])
        var expected: Set<String> = []
        for source in ["10.250.1.0/24", "203.0.113.0/24"] {
            expected.insert("KUBE-PORTALS-CONTAINER \(lb) -s \(source) -j REDIRECT --to-ports 39425")
            expected.insert("KUBE-PORTALS-HOST \(lb) -s \(source) -j REDIRECT --to-ports 39425")
        }
        for way in ["CONTAINER", "HOST"] {
            expected.insert("KUBE-PORTALS-\(way) \(lb) -j ACCEPT")
            expected.insert("PORTICO-REFUSE-\(way) \(lb) -j DROP")
            expected.insert("PORTICO-REFUSE-\(way) \(empty) 80 -d 10.100.100.11/32 -j REJECT --reject-with tcp-reset")
            expected.insert(
                "PORTICO-REFUSE-\(way) \(empty) 30090 -m addrtype --dst-type LOCAL -j REJECT --reject-with tcp-reset")
        }
        #expect(difference(rules, recorded) == expected)
    }

    @Test("What kube-proxy opened to everybody is open to what portals have led there")
    func proxyPorts() async throws {
        let rules = try #require(try await plan().rules(for: .ipv4))
        let opened = try recorded(rules, "iptables")[.filter][ChainName.nodePortNonLocal]
        #expect(opened.count == 5 && opened.allSatisfy { $0.target == .accept })
        let guarded = rules[.filter][ChainName.proxyPorts].filter { $0.target == .drop }
        // One has no endpoints, and so no proxy port.
        #expect(Set(opened.map(\.port)).subtracting(guarded.map(\.port)) == [38157])
        #expect(guarded.count > opened.count, "those of cluster IPs, too")
    }

    @Test("IPv6: kube-proxy had nothing, Portico serves cluster IPs and node ports")
    func ipv6() async throws {
        let rules = try #require(try await plan().rules(for: .ipv6))
        let recorded = try recorded(rules, "ip6tables")
        #expect(recorded.tables.allSatisfy { $0.chains.isEmpty && $0.jumps.isEmpty })
        let portals = rules[.nat][ChainName.portalsContainer] + rules[.filter][ChainName.refuseContainer]
        #expect(
            Set(portals.compactMap(\.destination?.description)) == ["fd00:10:96::64/128", "fd00:10:96::65/128"])
        #expect(rules[.nat][ChainName.nodePortHost].count == 4)
    }
}
