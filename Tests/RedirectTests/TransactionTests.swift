import Base
import Redirect
import TestSupport
import Testing

@Suite("The smallest transaction")
struct TransactionTests {
    private func portal(_ number: Int, proxy: UInt16 = 4000) throws -> Portal {
        Portal(web, .clusterIP(IPAddress(v4: 0x0A00_0000 + UInt32(number))), port: 80, outside: .proxy(proxy))
    }

    private func many(_ changed: UInt16? = nil) throws -> [Portal] {
        try (1...50).map { try portal($0, proxy: $0 == 7 ? changed ?? 4000 : 4000) }
    }

    @Test("Nothing to do is no text")
    func unchanged() throws {
        let some = try rules(many(), node())
        #expect(some.transaction(from: some) == nil)
    }

    @Test("One portal more, less, or changed: its own lines only, and the other table not at all")
    func single() throws {
        let before = try rules(many(), node())
        func line(_ command: String, _ chain: String, _ address: String, _ target: String) -> String {
            "\(command) \(chain) -m comment --comment \"default/web:http\" -p tcp -m tcp --dport 80 -d \(address)/32 -j \(target)"
        }
        let more = try rules(many() + [portal(99)], node())
        #expect(
            more.transaction(from: before) == """
                *nat
                \(line("-A", "KUBE-PORTALS-CONTAINER", "10.0.0.99", "DNAT --to-destination 192.168.1.5:4000"))
                \(line("-A", "KUBE-PORTALS-HOST", "10.0.0.99", "DNAT --to-destination 192.168.1.5:4000"))
                COMMIT

                """)
        #expect(before.transaction(from: more)?.contains(line("-D", "KUBE-PORTALS-HOST", "10.0.0.99", "DNAT")) == true)
        // All others are at 4000, so that 5000 is guarded now, too.
        #expect(
            try rules(many(5000), node()).transaction(from: before) == """
                *filter
                -A PORTICO-PROXY-PORTS -m comment --comment "default/web:http" -p tcp -m tcp --dport 5000 -j DROP
                COMMIT
                *nat
                \(line("-D", "KUBE-PORTALS-CONTAINER", "10.0.0.7", "DNAT --to-destination 192.168.1.5:4000"))
                \(line("-A", "KUBE-PORTALS-CONTAINER", "10.0.0.7", "DNAT --to-destination 192.168.1.5:5000"))
                \(line("-D", "KUBE-PORTALS-HOST", "10.0.0.7", "DNAT --to-destination 192.168.1.5:4000"))
                \(line("-A", "KUBE-PORTALS-HOST", "10.0.0.7", "DNAT --to-destination 192.168.1.5:5000"))
                COMMIT

                """)
    }

    @Test("The order of portals in a chain does not matter, that of a portal's own rules does")
    func order() throws {
        let some = try rules(many(), node())
        var turned = some
        turned.tables[1].chains[0].rules.reverse()
        #expect(some.transaction(from: turned) == nil)

        let restricted = Portal(
            web, .loadBalancerIP(ip("192.0.2.1")), port: 80, sources: [try range("10.0.0.0/8")],
            outside: .proxy(4000)
        )
        let closed = try rules([restricted], node())
        turned = closed
        turned.tables[1].chains[0].rules.reverse()
        #expect(closed.transaction(from: turned) != nil)
    }

    @Test("A chain of which most changes is written anew")
    func rewrite() throws {
        let before = try rules(many(), node())
        let after = try rules((1...50).map { try portal($0, proxy: 5000) }, node())
        let text = try #require(after.transaction(from: before))
        #expect(text.contains(":KUBE-PORTALS-CONTAINER - [0:0]\n"))
        #expect(!text.contains("-D KUBE"))
        #expect(!text.contains("PREROUTING"))
        // Two chains' names with 50 rules in each, one proxy port for another, and three tables' lines.
        #expect(text.split(separator: "\n").count == 108)
    }

    @Test("A missing jump and a missing chain are all that is added")
    func repair() throws {
        let wanted = try rules(many(), node())
        var found = wanted
        found.tables[0].jumps.removeFirst()
        found.tables[1].chains.removeLast()
        #expect(
            wanted.transaction(from: found) == """
                *filter
                -I INPUT -m comment --comment "Ensure that non-local NodePort traffic can flow" -j KUBE-NODEPORT-NON-LOCAL
                COMMIT
                *nat
                :KUBE-NODEPORT-HOST - [0:0]
                COMMIT

                """)
    }

    @Test("To nothing: jumps first, then the chains")
    func removal() throws {
        let text = try #require(RuleSet(family: .ipv4).transaction(from: bare()))
        #expect(text.contains("-D PREROUTING -m comment"))
        let nat = text.split(separator: "*nat\n")[1].split(separator: "\n")
        #expect(nat.prefix(4).allSatisfy { $0.hasPrefix(":KUBE-") })
        #expect(nat.dropFirst(4).prefix(4).allSatisfy { $0.hasPrefix("-D ") })
        #expect(nat.dropFirst(8).dropLast().allSatisfy { $0.hasPrefix("-X KUBE-") })
    }
}
