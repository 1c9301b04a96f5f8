import Base
import Names
import Testing

/// Services as lines of `/etc/hosts`.
@Suite("The file of hosts") struct HostsFileTests {
    private static let services = [
        service("web", "shop", ["127.64.0.1"], door(80)),
        service("cart", "default", ["127.64.0.2", "fd00::2"], door(80)),
        headless(
            "db", "shop",
            .init(name: "sql", endpoints: [endpoint("db-0", "10.0.0.1", 5432), endpoint("db-1", "10.0.0.2", 5432)]),
            .init(name: "stats", endpoints: [endpoint("db-0", "10.0.0.1", 9000)])),
        headless("empty", "shop", .init(endpoints: [])),
    ]

    private func file(_ more: [NamedService] = [], domain: String = "cluster.local") -> HostsFile {
        HostsFile(Self.services + more, namespace: "shop", domain: name(domain))
    }

    private func alias(_ label: String, _ namespace: String = "shop", to target: String) -> NamedService {
        NamedService(namespace: namespace, name: label, form: .alias(target))
    }

    /// The addresses that a program finds, which takes the first line with the name and those like it.
    private func lookUp(_ name: String, in text: String) -> [String] {
        text.split(separator: "\n").map { line in line.prefix { $0 != "#" }.split { $0 == " " || $0 == "\t" } }
            .filter { $0.dropFirst().contains(Substring(name)) }.map { String($0[0]) }
    }

    @Test(
        "Every form of a name is found, the shortest in its own namespace",
        arguments: [
            ("web", ["127.64.0.1"]), ("web.shop", ["127.64.0.1"]), ("web.shop.svc", ["127.64.0.1"]),
            ("web.shop.svc.cluster.local", ["127.64.0.1"]), ("cart", []), ("cart.default", ["127.64.0.2", "fd00::2"]),
            ("db", ["10.0.0.1", "10.0.0.2"]), ("db.shop.svc.cluster.local", ["10.0.0.1", "10.0.0.2"]),
            ("db-0.db", ["10.0.0.1"]), ("db-1.db.shop.svc.cluster.local", ["10.0.0.2"]), ("db-0", []), ("empty", []),
            ("shop", []),
        ] as [(String, [String])])
    func forms(name: String, addresses: [String]) {
        #expect(lookUp(name, in: file().text) == addresses)
    }

    @Test("The whole name is the first of its line, with the domain that was asked for")
    func canonical() {
        let line = file(domain: "k8s.test").text.split(separator: "\n").first { $0.hasPrefix("127.64.0.1") }
        #expect(line == "127.64.0.1\tweb.shop.svc.k8s.test web.shop.svc web.shop web")
    }

    @Test(
        "Another name has the addresses of the Service that it names",
        arguments: [
            "web.shop.svc.cluster.local", "web.shop.svc.cluster.local.", "web.shop.svc", "web.shop",
            "step.shop.svc.cluster.local",
        ])
    func aliases(target: String) {
        let hosts = file([alias("shopfront", to: target), alias("step", to: "web.shop.svc.cluster.local")])
        #expect(lookUp("shopfront", in: hosts.text) == ["127.64.0.1"])
        #expect(lookUp("shopfront.shop.svc.cluster.local", in: hosts.text) == ["127.64.0.1"])
        #expect(hosts.leftOut.isEmpty)
    }

    @Test("One that leads outside, nowhere or in circles is left out and told")
    func outside() {
        let targets = [
            "db.example.com", "nobody.shop.svc.cluster.local", "round.shop.svc.cluster.local", "web", "x..y",
        ]
        for target in targets {
            let hosts = file([alias("other", to: target), alias("round", to: "round.shop")])
            #expect(lookUp("other", in: hosts.text).isEmpty, "\(target)")
            #expect(hosts.leftOut.map(\.service) == ["shop/other", "shop/round"])
        }
        let endpoint = file([alias("first", to: "db-0.db.shop.svc.cluster.local")])
        #expect(lookUp("first", in: endpoint.text) == ["10.0.0.1"], "an endpoint has a name too")
    }

    @Test(
        "What is no name gets no line, and cannot make one",
        arguments: ["x\n10.6.6.6 github.com", "github.com x", "github.com\tx", "x#", "\u{2028}", "-", ""])
    func injected(label: String) {
        let ports = NamedService.EndpointPort(endpoints: [
            endpoint(label, "10.6.6.6", 80), endpoint("good", "10.0.0.7", 80),
        ])
        let hosts = file([headless("trap", "shop", ports), service(label, "shop", ["10.6.6.6"], door(80))])
        let plain = file([headless("trap", "shop", .init(endpoints: [endpoint("good", "10.0.0.7", 80)]))])
        // The address is still one of the Service's, by a name that is one.
        #expect(
            hosts.text.replacing("10.6.6.6\ttrap.shop.svc.cluster.local trap.shop.svc trap.shop trap\n", with: "")
                == plain.text)
        #expect(lookUp("github.com", in: hosts.text).isEmpty && lookUp("good.trap", in: hosts.text) == ["10.0.0.7"])
    }

    @Test("The system's own lines stay in front, as they are, and keep their names")
    func system() {
        let system = "# mine\n127.0.0.1 localhost vm\n10.1.1.1\tWEB # not cart.default\n::1 localhost"
        let hosts = file([service("localhost", "shop", ["127.64.0.9"], door(80))])
        let text = hosts.text(behind: system)
        #expect(text.hasPrefix(system + "\n# Services"))
        #expect(lookUp("localhost", in: text) == ["127.0.0.1", "::1"])
        #expect(lookUp("web", in: text).isEmpty && lookUp("web.shop", in: text) == ["127.64.0.1"])
        #expect(lookUp("cart.default", in: text) == ["127.64.0.2", "fd00::2"])
        #expect(lookUp("localhost.shop", in: text) == ["127.64.0.9"])
        #expect(hosts.hidden(by: system) == ["localhost", "web"])
        #expect(hosts.text(behind: "") == hosts.text)
    }

    @Test("Where a Service and an endpoint have one name it is the Service's, as in DNS")
    func priority() {
        let hosts = file([service("db-0", "db", ["127.64.0.7"], door(80))])
        #expect(lookUp("db-0.db", in: hosts.text) == ["127.64.0.7"])
        #expect(lookUp("db-0.db.shop", in: hosts.text) == ["10.0.0.1"])
    }
}

/// Whom programs of glibc ask first.
@Suite("nsswitch.conf") struct NameServiceSwitchTests {
    @Test(
        "The file is asked first, and the others as ever after it",
        arguments: [
            (
                "hosts: resolve [!UNAVAIL=return] files myhostname dns",
                "hosts: files resolve [!UNAVAIL=return] myhostname dns"
            ),
            ("hosts:\tmymachines files [NOTFOUND=return] dns", "hosts: files mymachines dns"),
            ("  hosts: dns # and files", "hosts: files dns"),
            ("hosts: dns [ NOTFOUND = return ] x", "hosts: files dns [ NOTFOUND = return ] x"),
            ("hosts:", "hosts: files "),
            ("hosts: mdns4 [NOTFOUND=return]files", "hosts: files mdns4 [NOTFOUND=return]"),
            ("passwd: files", "passwd: files\nhosts: files dns"), ("", "hosts: files dns"),
            ("a: b\nhosts: dns\nc: d", "a: b\nhosts: files dns\nc: d"),
        ])
    func first(text: String, expected: String) {
        #expect(NameServiceSwitch.askingFilesFirst(text)?.trimmed == expected.trimmed)
    }

    @Test(
        "Where it is so already nothing is to be changed",
        arguments: ["hosts: files dns", "hosts:\tfiles mdns4_minimal [NOTFOUND=return] dns\n", "x: y\nhosts:files"])
    func already(text: String) {
        #expect(NameServiceSwitch.askingFilesFirst(text) == nil)
    }
}

extension String {
    fileprivate var trimmed: Substring {
        var text = self[...]
        while text.last?.isWhitespace == true { text.removeLast() }
        return text
    }
}
