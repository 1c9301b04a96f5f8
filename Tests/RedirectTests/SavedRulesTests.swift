import Base
import TestSupport
import Testing

@testable import Redirect

@Suite("What iptables-save prints")
struct SavedRulesTests {
    @Test("Every kind of rule is read back as it was written", arguments: IPAddress.Family.allCases)
    func roundTrip(_ family: IPAddress.Family) throws {
        let address = ip(family == .ipv4 ? "10.0.0.1" : "fd00::1")
        let other = try range(family == .ipv4 ? "10.1.0.0/16" : "fd00:1::/64")
        let targets: [RuleTarget] =
            [.redirect(1), .dnat(EndpointAddress(ip: address, port: 2)), .dnatPort(3), .accept, .drop, .jump("KUBE-X")]
            + RejectReply.allCases.map { .reject($0) }
        for target in targets {
            for number in 0..<32 {
                var rule = Rule(
                    comment: #"a "quoted" \ comment"#, transport: number & 1 == 0 ? .tcp : .udp, port: 80,
                    destination: IPPrefix(host: address), source: number & 2 == 0 ? other : nil,
                    isNotFromBridge: number & 4 == 0, isToLocalAddress: number & 8 == 0, isForNewOnly: number & 1 == 0,
                    isTranslated: number & 16 == 0, target: target)
                if number & 8 == 0 { rule.ports = 18_000...29_999 }
                #expect(SavedRules.Rule("\(rule)"[...]).rule == rule)
            }
        }
    }

    @Test("So are the matches and targets of kernel-carried Services, in whatever order they stand")
    func furtherMatches() throws {
        let matches: [RuleMatch] = [
            .notFrom(try range("10.1.0.0/16")), .notTo(try range("fd00::/64")), .interface("cbr0"),
            .notInterface("veth+"),
            .fromLocalAddress, .mark(0x4000, isSet: true), .mark(0x8000, isSet: false), .states(.new, isIn: true),
            .states([.related, .established, .translated], isIn: false), .chance(Chance(oneOf: 3)),
            .seen(list: "KUBE-SEP-A", seconds: 10_800), .remember(list: "KUBE-SEP-A"),
        ]
        let targets: [RuleTarget] = [
            .mark(0x4000), .toggleMark(0x4000), .masquerade(randomPort: true), .masquerade(randomPort: false), .back,
            .nothing, .jump("KUBE-X"),
        ]
        for target in targets {
            for match in matches {
                let rule = Rule(comment: "a", matches: [match], target: target)
                #expect(SavedRules.Rule("\(rule)"[...]).rule == rule)
            }
        }
        let two = Rule(matches: [.chance(Chance(oneOf: 2)), .fromLocalAddress], target: .back)
        #expect(two == Rule(matches: [.fromLocalAddress, .chance(Chance(oneOf: 2))], target: .back))
        let saved = "-m recent --rcheck --seconds 7 --reap --name A --mask 255.255.255.255 --rsource -j B"
        #expect(SavedRules.Rule(saved[...]).rule == Rule(matches: [.seen(list: "A", seconds: 7)], target: .jump("B")))
    }

    @Test("A part of the packets is the same as text, in the kernel, and as the kernel says it again")
    func chances() throws {
        for count in 1...3000 {
            let rule = Rule(matches: [.chance(Chance(oneOf: count))], target: .back)
            #expect(SavedRules.Rule("\(rule)"[...]).rule == rule)
        }
        func probability(_ text: String) -> Rule? {
            SavedRules.Rule("-m statistic --mode random --probability \(text) -j RETURN"[...]).rule
        }
        #expect(probability("0.33333333349") == probability("0.3333333333"))
        #expect(probability("0.33333333349") != probability("0.33333333302"))
        #expect(probability("0.75")?.description.contains("0.7500000000 ") == true)
        for (count, text) in [(1, "1.0000000000"), (3, "0.3333333333"), (2048, "0.0004882812")] {
            #expect("\(Rule(matches: [.chance(Chance(oneOf: count))], target: .back))".contains(" \(text) "))
        }
    }

    @Test(
        "Rules of others are kept as text and never taken for Portico's",
        arguments: [
            "-m set --match-set x dst -j ACCEPT", "-p tcp -m tcp --sport 80 -j ACCEPT", "! -p tcp -j DROP",
            "-j DNAT --to-destination 10.0.0.1", "-j DNAT --to-destination :", "-p tcp -m tcp --dport 2:1 -j DROP",
            "-p tcp -m tcp --dport :1 -j DROP", "-m tcp --dport 1:2 -j DROP", "-o eth0 -j ACCEPT",
            "-m conntrack --ctstate DNAT,UNTRACKED -j ACCEPT", "-m conntrack --ctproto 6 -j ACCEPT",
            "-j MARK --set-xmark 0x4000/0x8000", "-j MARK --set-xmark 0x0/0x0", "-p sctp -j ACCEPT",
            "-m state --state NEW,ESTABLISHED -j ACCEPT", "-j ACCEPT -g X", "-m mark --mark 0x1/0x3 -j ACCEPT",
            "-m recent --update --seconds 3 --name X -j ACCEPT", "-m recent --rcheck --name X -j ACCEPT",
            "-m recent --set --name X --mask 255.255.0.0 --rsource -j ACCEPT", "-m recent --name X -j ACCEPT",
            #"-i "a b" -j ACCEPT"#, #"-m recent --set --name "" -j ACCEPT"#,
            "-m recent --mask 255.255.255.255 -j ACCEPT",
            "-m statistic --mode random -j ACCEPT", "-m conntrack", "-d 10.0.0.1/32", "",
            "-m recent --set --name X --rdest -j ACCEPT", "-m statistic --mode nth --every 2 -j ACCEPT",
            "-m statistic --mode random --probability 1.5 -j ACCEPT", "-j MASQUERADE --to-ports 1-2",
        ])
    func foreign(_ text: String) {
        let rule = SavedRules.Rule(text[...])
        #expect(rule.rule == nil)
        #expect(rule.text == text)
    }

    @Test("A chain that somebody has put a rule into counts as missing")
    func touchedChain() throws {
        let wanted = try bare()
        let text = wanted.text.replacing("-I ", with: "-A ")
            .replacing("*nat\n", with: "*nat\n:PREROUTING ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n")
            .replacing(
                "*filter\n", with: "*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\n")
        #expect(RuleSet(wanted, in: try SavedRules(text)) == wanted)
        let touched = text.replacing("*nat\n", with: "*nat\n:A - [0:0]\n")
            .replacing("COMMIT\n", with: "-A KUBE-PORTALS-HOST -i eth0 -j ACCEPT\nCOMMIT\n", maxReplacements: 2)
            .replacing("*filter\n", with: "*filter\n:KUBE-PORTALS-HOST - [0:0]\n")
        let found = RuleSet(wanted, in: try SavedRules(touched))
        #expect(found[.nat].chains.map(\.name) == ChainName.nat.filter { $0 != ChainName.portalsHost })
        #expect(found[.filter] == wanted[.filter])
    }

    @Test(
        "Text that is none of iptables-save's is an error that says where",
        arguments: ["what?", "*nat\n-A NOWHERE -j ACCEPT", ":A - [0:0]", "*nat\n:A"])
    func unreadable(_ text: String) {
        let line = text.split(separator: "\n").count
        #expect {
            try SavedRules(text)
        } throws: {
            if case .unreadable(line, _)? = $0 as? RedirectError { true } else { false }
        }
    }

    @Test("Removal: jumps, then chains that lead to each other; what others use stays, and so do the kubelet's chains")
    func removal() throws {
        let saved = try SavedRules(
            """
            *mangle
            :PREROUTING ACCEPT [0:0]
            :KUBE-PROXY-CANARY - [0:0]
            :KUBE-KUBELET-CANARY - [0:0]
            COMMIT
            *filter
            :INPUT ACCEPT [0:0]
            :KUBE-FIREWALL - [0:0]
            -A INPUT -j KUBE-FIREWALL
            COMMIT
            *nat
            :PREROUTING ACCEPT [0:0]
            :KUBE-SERVICES - [0:0]
            :KUBE-SVC-A - [0:0]
            :KUBE-MARK-MASQ - [0:0]
            :MINE - [0:0]
            -A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
            -A PREROUTING -j MINE
            -A KUBE-SERVICES -d 10.0.0.1/32 -j KUBE-SVC-A
            -A KUBE-SVC-A -j KUBE-MARK-MASQ
            -A MINE -j KUBE-MARK-MASQ
            COMMIT
            """)
        let text = saved.removal { KubeProxyChains.isLeftover($0, in: $1) }
        #expect(
            text == """
                *mangle
                :KUBE-PROXY-CANARY - [0:0]
                -X KUBE-PROXY-CANARY
                COMMIT
                *nat
                :KUBE-SERVICES - [0:0]
                :KUBE-SVC-A - [0:0]
                -D PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
                -X KUBE-SERVICES
                -X KUBE-SVC-A
                COMMIT

                """)
        #expect(saved.removal { chain, _ in chain == "NOBODY" } == nil)
    }
}
