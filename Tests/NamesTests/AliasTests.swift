import Base
import Testing

@testable import Names

/// What the DNS server answers besides the names and addresses of Services.
@Suite("DNS: other names, short names, and what there is not") struct AliasTests {
    private func alias(_ label: String, to target: String) -> NamedService {
        NamedService(namespace: "shop", name: label, form: .alias(target))
    }

    private var table: NameTable {
        NameTable(
            [
                service("web", "shop", ["127.64.0.1"], door(80, "http")), service("six", "shop", ["fd00::6"], door(80)),
                service("shop", "web", ["127.64.0.2"], door(80)),
                headless("db", "shop", .init(name: "sql", endpoints: [endpoint("db-0", "10.0.0.1", 5432)])),
                alias("front", to: "web.shop.svc.cluster.local"), alias("outside", to: "db.example.com"),
                alias("step", to: "front.shop.svc.cluster.local"), alias("gone", to: "no.shop.svc.cluster.local"),
                alias("round", to: "round.shop.svc.cluster.local"),
            ], domain: name("cluster.local"), namespace: "shop", serial: 7)
    }

    @Test(
        "ExternalName is a CNAME, with what it names where that is here",
        arguments: [
            ("front.shop", .a, ["CNAME web.shop.svc.cluster.local.", "A 127.64.0.1"]),
            ("front.shop.svc.cluster.local", .aaaa, ["CNAME web.shop.svc.cluster.local."]),
            ("front.shop", .cname, ["CNAME web.shop.svc.cluster.local."]),
            ("front.shop", .any, ["CNAME web.shop.svc.cluster.local."]),
            ("front.shop", .srv, ["CNAME web.shop.svc.cluster.local.", "SRV web.shop.svc.cluster.local.:80"]),
            (
                "step.shop", .a,
                ["CNAME front.shop.svc.cluster.local.", "CNAME web.shop.svc.cluster.local.", "A 127.64.0.1"]
            ),
            ("outside.shop", .a, ["CNAME db.example.com."]), ("outside", .txt, ["CNAME db.example.com."]),
            ("gone.shop", .a, ["NXDOMAIN"]),
        ] as [(String, DNSType, [String])])
    func externalName(name: String, type: DNSType, expected: [String]) throws {
        #expect(try table.ask(name, type) == expected)
    }

    @Test("One that leads in circles ends") func circles() throws {
        let answer = try table.ask("round.shop")
        #expect(answer.count == 8 && Set(answer) == ["CNAME round.shop.svc.cluster.local."])
    }

    @Test("One that changes leaves nothing of what it was") func changes() throws {
        var table = table
        table.update([key("outside", "shop"): alias("outside", to: "other.example.com"), key("front", "shop"): nil])
        #expect(try table.ask("outside.shop") == ["CNAME other.example.com."])
        #expect(try table.ask("front.shop.svc") == ["NXDOMAIN"])
        table.update([key("outside", "shop"): service("outside", "shop", ["127.64.0.5"], door(80))])
        #expect(try table.ask("outside.shop") == ["A 127.64.0.5"])
    }

    @Test(
        "Names of one namespace are answered without it",
        arguments: [
            ("web", .a, ["A 127.64.0.1"]), ("WEB.", .a, ["A 127.64.0.1"]), ("six", .aaaa, ["AAAA fd00::6"]),
            ("six", .a, []), ("_http._tcp.web", .srv, ["SRV web.shop.svc.cluster.local.:80"]),
            ("db-0.db", .a, ["A 10.0.0.1"]), ("front", .a, ["CNAME web.shop.svc.cluster.local.", "A 127.64.0.1"]),
            // A namespace is no name, and the name of a Service of another one comes first.
            ("nobody", .a, ["REFUSED"]), ("shop.web", .a, ["A 127.64.0.2"]),
        ] as [(String, DNSType, [String])])
    func short(name: String, type: DNSType, expected: [String]) throws {
        #expect(try table.ask(name, type) == expected)
    }

    @Test(
        "What there is not is told with the zone's record, by which it may be remembered",
        arguments: [
            ("web.shop.svc.cluster.local", "cluster.local."), ("web.shop.svc", "svc."), ("web.shop", "shop."),
            ("web", "web."), ("nothing.shop.svc", "svc."), ("front.shop", "cluster.local."),
        ])
    func noData(asked: String, zone: String) throws {
        for type in [DNSType.txt, .ns, .aaaa] {
            let message = try table.ask(query(asked, type))
            #expect(message.authority.map { "\($0.name) \($0.text)" } == ["\(zone) SOA 7"], "\(type)")
            #expect(message.header.result == (asked.hasPrefix("nothing") ? .noSuchName : .success))
            #expect(message.header.isAuthoritative)
        }
        #expect(try table.ask(query("outside.shop", .aaaa)).authority.isEmpty, "the rest is for somebody else to say")
        #expect(try table.ask(query("web.shop")).authority.isEmpty)
    }
}
