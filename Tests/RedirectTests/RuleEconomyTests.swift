import Base
import TestSupport
import Testing

@testable import Redirect

/// No more rules than it takes, and none that lets in more than it should.
@Suite("Rules that are not there") struct RuleEconomyTests {
    @Test("Pods need no rule of their own where they get what everybody gets")
    func onlyWhereTheyDiffer() throws {
        let portal = Portal(web, .clusterIP(ip("10.96.0.1")), port: 80, outside: .proxy(4000))
        let rules = try rules([portal], node(pods: [range("10.244.1.0/24")]))
        #expect(rules[.nat][ChainName.portalsContainer].count == 1)
    }

    @Test("Of a source range that is wider than the pods', only the pods are meant")
    func intersection() throws {
        let portal = Portal(
            web, .loadBalancerIP(ip("192.0.2.1")), port: 80, sources: [try range("10.244.0.0/16")], outside: .drop,
            inside: .proxy(4000))
        let rules = try rules([portal], node(pods: [range("10.244.0.0/24")]))
        let captured = rules[.nat][ChainName.portalsContainer].filter { $0.target != .accept }
        #expect(captured.map(\.source) == [try range("10.244.0.0/24")])
    }

    @Test("A rule with two targets is none of ours")
    func twoTargets() {
        #expect(Rule(arguments: ["-j", "DROP"]) != nil)
        #expect(Rule(arguments: ["-j", "DROP", "-j", "ACCEPT"]) == nil)
    }
}
