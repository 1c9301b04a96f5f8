import Base
import Objects
import Testing

@testable import Names

@Suite struct NameTableTests {
    private let table = NameTable(
        [
            service("web", "default", ["127.64.0.1"], door(80, "http", at: 8080), door(443, "https")),
            service("dns", "kube-system", ["127.64.0.2"], door(53, "dns", .udp), door(53, "dns-tcp")),
            service("dual", "default", ["127.64.0.3", "fd00::3"], door(80)),
            headless(
                "db", "shop",
                .init(
                    name: "sql", endpoints: [endpoint("db-0", "10.0.0.1", 5432), endpoint("db-1", "10.0.0.2", 5432)]),
                .init(name: "stats", endpoints: [endpoint("db-0", "10.0.0.1", 9000)])),
            headless(
                "bare", "shop", .init(endpoints: [endpoint("10-0-0-9", "10.0.0.9", 0), endpoint("x", "fd00::9", 0)])),
            headless("empty", "shop", .init(name: "sql", endpoints: [])),
        ],
        domain: name("cluster.local"), serial: 7)

    @Test(
        arguments: [
            // Every form of a name.
            ("web.default.svc.cluster.local", .a, ["A 127.64.0.1"]), ("web.default.svc", .a, ["A 127.64.0.1"]),
            ("web.default", .a, ["A 127.64.0.1"]), ("WEB.Default.SVC.Cluster.Local.", .a, ["A 127.64.0.1"]),
            ("dns.kube-system", .a, ["A 127.64.0.2"]),
            // Another type than there is: no data, but no error.
            ("web.default", .aaaa, []), ("web.default", .txt, []), ("dual.default", .aaaa, ["AAAA fd00::3"]),
            ("dual.default", .any, ["A 127.64.0.3", "AAAA fd00::3", "SRV dual.default.svc.cluster.local.:80"]),
            // Ports, as they are served.
            ("_http._tcp.web.default.svc.cluster.local", .srv, ["SRV web.default.svc.cluster.local.:8080"]),
            ("_HTTPS._TCP.web.default", .srv, ["SRV web.default.svc.cluster.local.:443"]),
            ("_dns._udp.dns.kube-system.svc", .srv, ["SRV dns.kube-system.svc.cluster.local.:53"]),
            ("_dns._tcp.dns.kube-system.svc", .srv, ["NXDOMAIN"]),
            (
                "web.default", .srv,
                ["SRV web.default.svc.cluster.local.:8080", "SRV web.default.svc.cluster.local.:443"]
            ),
            // Headless: all endpoints, and each by its name.
            ("db.shop.svc.cluster.local", .a, ["A 10.0.0.1", "A 10.0.0.2"]),
            ("db-1.db.shop.svc.cluster.local", .a, ["A 10.0.0.2"]), ("db-1.db.shop", .a, ["A 10.0.0.2"]),
            ("db-2.db.shop.svc.cluster.local", .a, ["NXDOMAIN"]),
            (
                "_sql._tcp.db.shop", .srv,
                ["SRV db-0.db.shop.svc.cluster.local.:5432", "SRV db-1.db.shop.svc.cluster.local.:5432"]
            ),
            ("_stats._tcp.db.shop", .srv, ["SRV db-0.db.shop.svc.cluster.local.:9000"]),
            ("bare.shop", .a, ["A 10.0.0.9"]), ("bare.shop", .aaaa, ["AAAA fd00::9"]), ("bare.shop", .srv, []),
            ("10-0-0-9.bare.shop", .a, ["A 10.0.0.9"]),
            // A name with nothing but others below it, or with nothing yet, exists.
            ("default.svc.cluster.local", .a, []), ("svc.cluster.local", .a, []), ("cluster.local", .a, []),
            ("svc", .a, []),
            ("_tcp.web.default.svc.cluster.local", .a, []), ("empty.shop.svc.cluster.local", .a, []),
            ("empty.shop.svc", .a, []), ("cluster.local", .soa, ["SOA 7"]),
            // What is not there, and what is not ours.
            ("nothing.default.svc.cluster.local", .a, ["NXDOMAIN"]),
            ("web.default.pod.cluster.local", .a, ["NXDOMAIN"]),
            ("x.web.default.svc.cluster.local", .a, ["NXDOMAIN"]), ("nothing.default.svc", .a, ["NXDOMAIN"]),
            ("nothing.default", .a, ["REFUSED"]), ("default", .a, ["REFUSED"]), ("web", .a, ["REFUSED"]),
            ("example.com", .a, ["REFUSED"]), (".", .ns, ["REFUSED"]), ("local", .a, ["REFUSED"]),
            ("web.default.svc.cluster.local.example.com", .a, ["REFUSED"]),
            ("1.0.64.127.in-addr.arpa", DNSType(rawValue: 12), ["REFUSED"]),
            ("cluster.local", .axfr, ["REFUSED"]),
        ] as [(String, DNSType, [String])])
    func answers(name: String, type: DNSType, expected: [String]) throws {
        #expect(try table.ask(name, type) == expected)
    }

    @Test func aServiceThatChangesLeavesNothingOfWhatItWas() throws {
        var table = NameTable(
            [
                service("web", "default", ["127.64.0.1"], door(80, "http")),
                headless("db", "shop", .init(name: "sql", endpoints: [endpoint("db-0", "10.0.0.1", 5432)])),
            ], domain: name("cluster.local"), serial: 7)
        table.update([
            key("web"): service("web", "default", ["127.64.0.2"], door(81, "new")), key("db", "shop"): nil,
        ])
        #expect(try table.ask("web.default") == ["A 127.64.0.2"])
        #expect(try table.ask("_http._tcp.web.default.svc", .srv) == ["NXDOMAIN"])
        #expect(try table.ask("_new._tcp.web.default.svc", .srv) == ["SRV web.default.svc.cluster.local.:81"])
        for gone in ["db.shop.svc", "db-0.db.shop.svc", "shop.svc"] {
            #expect(try table.ask(gone) == ["NXDOMAIN"], "\(gone)")
        }
        #expect(try table.ask("cluster.local", .soa) == ["SOA 8"])
        table.update([key("web"): nil])
        #expect(try table.ask("default.svc.cluster.local") == ["NXDOMAIN"])
        #expect(try table.ask("svc.cluster.local") == [] && table.ask("cluster.local", .soa) == ["SOA 9"])
    }

    /// After any changes the table is the one that is made from the Services that there are by then.
    @Test func changesComeToTheSameAsANewTable() throws {
        var seed: UInt64 = 11
        func random(_ count: Int) -> Int {
            seed = seed &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((seed >> 33) % UInt64(count))
        }
        func any(_ label: String, _ namespace: String) -> NamedService? {
            switch random(5) {
            case 0: nil
            case 4: NamedService(namespace: namespace, name: label, form: .alias("web.shop.svc"))
            case 1: service(label, namespace, ["127.64.0.\(random(9))"], door(80, ["", "http", "web"][random(3)]))
            case 2: headless(label, namespace, .init(endpoints: []))
            default:
                headless(
                    label, namespace,
                    .init(
                        name: "sql",
                        endpoints: (0...random(3)).map { endpoint("e\($0)", "10.0.0.\(random(9))", 5432) }))
            }
        }
        var table = NameTable([], domain: name("cluster.local"))
        var services: [ObjectKey: NamedService] = [:]
        for _ in 0..<300 {
            let (label, namespace) = (["web", "db", "svc"][random(3)], ["default", "shop", "svc"][random(3)])
            let now = any(label, namespace)
            services[key(label, namespace)] = now
            table.update([key(label, namespace): now])
            let fresh = NameTable(Array(services.values), domain: name("cluster.local"))
            #expect(Set(table.nodes.keys) == Set(fresh.nodes.keys))
            for (name, node) in fresh.nodes {
                let known = table.nodes[name]
                #expect(known?.addresses == node.addresses && known?.locations == node.locations)
                #expect(known?.alias == node.alias)
            }
        }
    }

    @Test func anotherDomain() throws {
        let table = NameTable([service("web", "default", ["127.64.0.1"], door(80))], domain: name("k8s.test"))
        #expect(try table.ask("web.default.svc.k8s.test") == ["A 127.64.0.1"])
        #expect(try table.ask("web.default") == ["A 127.64.0.1"])
        #expect(try table.ask("web.default.svc.cluster.local") == ["REFUSED"])
        #expect(try table.ask("_x._tcp.web.default.svc.k8s.test", .srv) == ["NXDOMAIN"])
    }

    @Test func aNamespaceMayBeCalledLikeAPartOfTheDomain() throws {
        let services = [
            service("web", "svc", ["127.64.0.1"], door(80)), service("web", "local", ["127.64.0.2"], door(80)),
            service("cluster", "local", ["127.64.0.3"], door(80)),
        ]
        let table = NameTable(services, domain: name("cluster.local"))
        #expect(try table.ask("web.svc") == ["A 127.64.0.1"])
        #expect(try table.ask("web.svc.svc") == ["A 127.64.0.1"])
        #expect(try table.ask("web.local") == ["A 127.64.0.2"])
        #expect(try table.ask("cluster.local") == [], "the domain comes first")
    }

    @Test func theAddressesOfEndpointsTakeTurns() throws {
        #expect(try table.ask("db.shop", id: 0) == ["A 10.0.0.1", "A 10.0.0.2"])
        #expect(try table.ask("db.shop", id: 1) == ["A 10.0.0.2", "A 10.0.0.1"])
        #expect(try table.ask("db.shop", id: .max) == ["A 10.0.0.2", "A 10.0.0.1"])
    }

    @Test func targetsComeWithTheirAddresses() throws {
        let message = try table.ask(query("_sql._tcp.db.shop", .srv))
        #expect(
            message.additional.map { "\($0.name) \($0.text)" } == [
                "db-0.db.shop.svc.cluster.local. A 10.0.0.1", "db-1.db.shop.svc.cluster.local. A 10.0.0.2",
            ])
        let both = try table.ask(query("web.default", .srv))
        #expect(both.additional.map(\.text) == ["A 127.64.0.1"], "once, for two ports")
    }

    @Test func answersAreForgottenSoon() throws {
        let positive = try table.ask(query("web.default.svc.cluster.local"))
        #expect(positive.answers.map(\.timeToLive) == [5] && positive.authority.isEmpty)
        for text in ["nothing.default.svc.cluster.local", "default.svc.cluster.local"] {
            let authority = try #require(try table.ask(query(text)).authority.first)
            guard case .soa(let soa) = authority.data else { return #expect(Bool(false), "no SOA") }
            #expect(authority.name == name("cluster.local") && authority.timeToLive == 5 && soa.minimum == 5)
        }
    }
}
