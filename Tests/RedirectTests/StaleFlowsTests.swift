import Base
import Objects
import Resolution
import TestSupport
import Testing

@testable import Redirect

@Suite("UDP flows that outlive their rules")
struct StaleFlowsTests {
    private func plan(_ proxy: UInt16, nodePort: Bool = false, tcp: UInt16 = 1) throws -> RuleSet {
        var portals = [
            Portal(dns, .clusterIP(ip("10.0.0.10")), port: 53, outside: .proxy(proxy)),
            Portal(web, .clusterIP(ip("10.0.0.11")), port: 80, outside: .proxy(tcp)),
        ]
        if nodePort { portals.append(Portal(dns, .nodePort(.ipv4), port: 30053, outside: .proxy(proxy))) }
        return try rules(portals, node())
    }

    private let nodePort = StaleFlows(family: .ipv4, destination: nil, port: 30053)

    @Test("Only those of portals that opened, closed or lead elsewhere, and only UDP")
    func difference() throws {
        let clusterIP = StaleFlows(family: .ipv4, destination: try range("10.0.0.10/32"), port: 53)
        #expect(try plan(5300).staleFlows(since: plan(5300)) == [])
        #expect(try plan(5300).staleFlows(since: plan(5300, tcp: 2)) == [])
        #expect(try plan(5300).staleFlows(since: bare()) == [clusterIP])
        #expect(try plan(5301).staleFlows(since: plan(5300)) == [clusterIP])
        #expect(try plan(5300, nodePort: true).staleFlows(since: plan(5300)) == [nodePort])
        #expect(try bare().staleFlows(since: plan(5300, nodePort: true)) == [clusterIP, nodePort])
    }

    /// Carried by the kernel.
    private func carried(_ endpoints: [String], local: Set<String> = []) throws -> RuleSet {
        var port = try servicePort(
            "kube-system/dns", port: 53, .udp, at: "10.0.0.10", endpoints: endpoints, local: local)
        port.nodePort = 30053
        if !local.isEmpty { port.externalTrafficPolicy = .local }
        return try ServiceChainExample.rules([port])
    }

    @Test("A process that takes rules over forgets flows to endpoints that have gone meanwhile")
    func afterARead() async throws {
        let (one, two) = ("10.244.1.1:53", "10.244.1.2:53")
        func change(_ endpoints: [String]) throws -> KernelChange {
            let port = try servicePort("kube-system/dns", port: 53, .udp, at: "10.0.0.10", endpoints: endpoints)
            let service = KernelService(portals: Portal.portals(of: port, proxy: nil), carried: [port])
            let node = NodeRedirection(
                networks: [.ipv4: NodeNetwork(hostIP: ip("192.168.1.5"))], redirects: false, carriage: KernelCarriage())
            return KernelChange(services: [ObjectKey(namespace: "kube-system", name: "dns"): service], node: node)
        }
        let model = FirewallModel(.nft)
        func rules() -> FamilyRules { FamilyRules(.ipv4, model, PolicyRoute(.ipv4, searchPath: [])) }
        _ = await rules().apply(try change([one, two]), checking: false)
        model.with { $0.forgotten = [] }
        _ = await rules().apply(try change([two]), checking: false)
        #expect(model.with { $0.forgotten }.map(\.endpoint) == [EndpointAddress(one)])
    }

    @Test("Of what the kernel carries, those to an endpoint that a portal leads to no more")
    func endpoints() throws {
        let clusterIP = StaleFlows(family: .ipv4, destination: try range("10.0.0.10/32"), port: 53)
        let (one, two) = ("10.244.1.1:53", "10.244.1.2:53")
        func to(_ flows: StaleFlows, _ text: String) throws -> StaleFlows {
            let endpoint = try #require(EndpointAddress(text))
            return StaleFlows(
                family: .ipv4, destination: flows.destination, port: flows.port, endpoint: endpoint)
        }
        #expect(try carried([one, two]).staleFlows(since: carried([one, two])) == [])
        #expect(try carried([one, two]).staleFlows(since: carried([one])) == [], "what is there may stay there")
        #expect(
            try carried([two]).staleFlows(since: carried([one, two])) == [to(clusterIP, one), to(nodePort, one)])
        #expect(try carried([]).staleFlows(since: carried([one])) == [clusterIP, nodePort])
        #expect(try carried([one]).staleFlows(since: carried([])) == [clusterIP, nodePort])
        // From outside it is for the endpoints of this node, and it was for both.
        #expect(
            try carried([one, two], local: [two]).staleFlows(since: carried([one, two])) == [],
            "this node and its pods go to both by either")
    }
}
