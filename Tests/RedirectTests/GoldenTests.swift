import Balancing
import Base
import Redirect
import TestSupport
import Testing

/// Whole texts of rules, written by hand.
@Suite("Rules as text")
struct GoldenTests {
    @Test("A cluster IP, an external IP and a node port, as one transaction")
    func example() throws {
        let portals = [
            Portal(web, .clusterIP(ip("10.109.214.77")), port: 80, outside: .proxy(38123)),
            Portal(web, .externalIP(ip("203.0.113.9")), port: 80, outside: .proxy(38123)),
            Portal(web, .nodePort(.ipv4), port: 30080, outside: .proxy(38123)),
        ]
        let expected = """
            *filter
            :KUBE-NODEPORT-NON-LOCAL - [0:0]
            :PORTICO-PROXY-PORTS - [0:0]
            :PORTICO-REFUSE-CONTAINER - [0:0]
            :PORTICO-REFUSE-HOST - [0:0]
            -A KUBE-NODEPORT-NON-LOCAL -p tcp -m tcp --dport 38000:38999 -m state --state NEW -j PORTICO-PROXY-PORTS
            -A KUBE-NODEPORT-NON-LOCAL -p udp -m udp --dport 38000:38999 -m state --state NEW -j PORTICO-PROXY-PORTS
            -A KUBE-NODEPORT-NON-LOCAL -m comment --comment "health checks" -p tcp -m tcp --dport 10256 -m state --state NEW -j ACCEPT
            -A PORTICO-PROXY-PORTS -m conntrack --ctstate DNAT -j ACCEPT
            -A PORTICO-PROXY-PORTS -m comment --comment "default/web:http" -p tcp -m tcp --dport 38123 -j DROP
            -I INPUT -m comment --comment "Ensure that non-local NodePort traffic can flow" -j KUBE-NODEPORT-NON-LOCAL
            -I INPUT -m state --state NEW -m comment --comment "Refuse what has no endpoints or is not allowed" -j PORTICO-REFUSE-CONTAINER
            -I FORWARD -m state --state NEW -m comment --comment "Refuse what has no endpoints or is not allowed" -j PORTICO-REFUSE-CONTAINER
            -I OUTPUT -m state --state NEW -m comment --comment "Refuse what has no endpoints or is not allowed" -j PORTICO-REFUSE-HOST
            COMMIT
            *nat
            :KUBE-PORTALS-CONTAINER - [0:0]
            :KUBE-PORTALS-HOST - [0:0]
            :KUBE-NODEPORT-CONTAINER - [0:0]
            :KUBE-NODEPORT-HOST - [0:0]
            -A KUBE-PORTALS-CONTAINER -m comment --comment "default/web:http" -p tcp -m tcp --dport 80 -d 10.109.214.77/32 -j DNAT --to-destination 192.168.1.5:38123
            -A KUBE-PORTALS-CONTAINER -m comment --comment "default/web:http" -p tcp -m tcp --dport 80 -d 203.0.113.9/32 -m addrtype --dst-type LOCAL -j DNAT --to-destination :38123
            -A KUBE-PORTALS-CONTAINER -m comment --comment "default/web:http" -p tcp -m tcp --dport 80 -d 203.0.113.9/32 -m physdev ! --physdev-is-in -j DNAT --to-destination 192.168.1.5:38123
            -A KUBE-PORTALS-HOST -m comment --comment "default/web:http" -p tcp -m tcp --dport 80 -d 10.109.214.77/32 -j DNAT --to-destination 192.168.1.5:38123
            -A KUBE-PORTALS-HOST -m comment --comment "default/web:http" -p tcp -m tcp --dport 80 -d 203.0.113.9/32 -m addrtype --dst-type LOCAL -j DNAT --to-destination :38123
            -A KUBE-NODEPORT-CONTAINER -m comment --comment "default/web:http" -p tcp -m tcp --dport 30080 -j DNAT --to-destination :38123
            -A KUBE-NODEPORT-HOST -m comment --comment "default/web:http" -p tcp -m tcp --dport 30080 -j DNAT --to-destination :38123
            -I PREROUTING -m comment --comment "handle ClusterIPs; NOTE: this must be before the NodePort rules" -j KUBE-PORTALS-CONTAINER
            -I OUTPUT -m comment --comment "handle ClusterIPs; NOTE: this must be before the NodePort rules" -j KUBE-PORTALS-HOST
            -A PREROUTING -m addrtype --dst-type LOCAL -m comment --comment "handle service NodePorts; NOTE: this must be the last rule in the chain" -j KUBE-NODEPORT-CONTAINER
            -A OUTPUT -m addrtype --dst-type LOCAL -m comment --comment "handle service NodePorts; NOTE: this must be the last rule in the chain" -j KUBE-NODEPORT-HOST
            COMMIT

            """
        func text(_ portals: [Portal]) throws -> String? {
            Wanted(portals: portals, ipv4: try node(), proxyPorts: 38_000...38_999, healthPorts: [10_256])
                .rules(for: .ipv4)?.text
        }
        #expect(try text(portals) == expected)
        // The order in which a plan lists its portals does not matter.
        #expect(try text(portals.reversed()) == expected)
    }

    @Test("The same as iptables-save prints it is the same rules")
    func saved() throws {
        let saved = try SavedRules(
            """
            *nat
            :PREROUTING ACCEPT [3:180]
            :OUTPUT ACCEPT [0:0]
            :KUBE-PORTALS-CONTAINER - [0:0]
            :KUBE-PORTALS-HOST - [0:0]
            :KUBE-NODEPORT-CONTAINER - [0:0]
            :KUBE-NODEPORT-HOST - [0:0]
            -A PREROUTING -m comment --comment "handle ClusterIPs; NOTE: this must be before the NodePort rules" -j KUBE-PORTALS-CONTAINER
            -A PREROUTING -m addrtype --dst-type LOCAL -m comment --comment "handle service NodePorts; NOTE: this must be the last rule in the chain" -j KUBE-NODEPORT-CONTAINER
            -A OUTPUT -m comment --comment "handle ClusterIPs; NOTE: this must be before the NodePort rules" -j KUBE-PORTALS-HOST
            -A OUTPUT -m addrtype --dst-type LOCAL -m comment --comment "handle service NodePorts; NOTE: this must be the last rule in the chain" -j KUBE-NODEPORT-HOST
            [7:420] -A KUBE-PORTALS-CONTAINER -d 10.109.214.77/32 -p tcp -m comment --comment "default/web:http" -m tcp --dport 80 -j DNAT --to-destination 192.168.1.5:38123
            -A KUBE-PORTALS-HOST -d 10.109.214.77/32 -p tcp -m comment --comment "default/web:http" -m tcp --dport 80 -j DNAT --to-destination 192.168.1.5:38123
            COMMIT
            """)
        let portal = Portal(web, .clusterIP(ip("10.109.214.77")), port: 80, outside: .proxy(38123))
        let wanted = try rules([portal], node())
        #expect(RuleSet(wanted, in: saved)[.nat] == wanted[.nat])
        // Of filter there is nothing.
        #expect(RuleSet(wanted, in: saved)[.filter].chains.isEmpty)
    }

    @Test("A proxy that listens on one address is reached by DNAT from everywhere")
    func boundProxy() throws {
        let portal = Portal(web, .clusterIP(ip("10.0.0.1")), port: 80, outside: .proxy(4000))
        let rules = try rules([portal], node(bind: ip("192.168.9.9")))
        for chain in [ChainName.portalsContainer, ChainName.portalsHost] {
            #expect(
                lines(rules, .nat, chain) == [
                    #"-m comment --comment "default/web:http" -p tcp -m tcp --dport 80 -d 10.0.0.1/32 "#
                        + "-j DNAT --to-destination 192.168.9.9:4000"
                ])
        }
        // Another program may have the same port of another address.
        #expect(
            lines(rules, .filter, ChainName.proxyPorts).last
                == #"-m comment --comment "default/web:http" -p tcp -m tcp --dport 4000 -d 192.168.9.9/32 -j DROP"#)
    }

    @Test("A comment is one line that iptables takes, whatever a Service is called")
    func comments() throws {
        let owner = ServicePortID(
            ServicePortName(
                namespace: "default", service: "a\nCOMMIT", port: "é\"\\" + String(repeating: "x", count: 300)),
            .tcp)
        let rules = try rules([Portal(owner, .clusterIP(ip("10.0.0.1")), port: 80, outside: .reject)], node())
        let comment = try #require(rules[.filter][ChainName.refuseHost].first?.comment)
        #expect(comment.hasPrefix(#"default/a?COMMIT:?"\xxx"#) && comment.utf8.count == 255)
    }

    @Test("IPv6: lengths of 128, brackets, and only what is of the family")
    func ipv6() throws {
        let plan = Wanted(
            portals: [
                Portal(dns, .clusterIP(ip("fd00::a")), port: 53, outside: .proxy(5300)),
                Portal(dns, .clusterIP(ip("10.0.0.10")), port: 53, outside: .reject),
                Portal(dns, .externalIP(ip("2001:db8::9")), port: 53, outside: .reject),
            ], ipv6: NodeNetwork(hostIP: ip("2001:db8::1")))
        let rules = try #require(plan.rules(for: .ipv6))
        let match = #"-m comment --comment "kube-system/dns" -p udp -m udp --dport 53"#
        #expect(
            lines(rules, .nat, ChainName.portalsContainer) == [
                "\(match) -d fd00::a/128 -j DNAT --to-destination [2001:db8::1]:5300"
            ])
        #expect(
            lines(rules, .nat, ChainName.portalsHost) == [
                "\(match) -d fd00::a/128 -j DNAT --to-destination [2001:db8::1]:5300"
            ])
        #expect(
            lines(rules, .filter, ChainName.refuseHost) == [
                "\(match) -d 2001:db8::9/128 -m addrtype --dst-type LOCAL -j REJECT --reject-with icmp6-port-unreachable"
            ])
        #expect(plan.rules(for: .ipv4) == nil)
    }
}
