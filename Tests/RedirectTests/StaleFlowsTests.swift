import Base
import Redirect
import TestSupport
import Testing

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
}
