import Base
import Names
import Testing

/// Compared with what kubelet gives a pod for the same Services.
@Suite struct ServiceVariablesTests {
    private func lines(_ services: [NamedService], _ namespace: String = "default") -> [String] {
        ServiceVariables(services, namespace: namespace).variables.map { "\($0.name)=\($0.value)" }
    }

    @Test(
        arguments: [
            (
                "one port without a name",
                service("redis", "default", ["127.64.0.1"], door(6379)),
                [
                    "REDIS_SERVICE_HOST=127.64.0.1", "REDIS_SERVICE_PORT=6379", "REDIS_PORT=tcp://127.64.0.1:6379",
                    "REDIS_PORT_6379_TCP=tcp://127.64.0.1:6379", "REDIS_PORT_6379_TCP_PROTO=tcp",
                    "REDIS_PORT_6379_TCP_PORT=6379", "REDIS_PORT_6379_TCP_ADDR=127.64.0.1",
                ]
            ),
            (
                "names with dashes, and both protocols",
                service("kube-dns", "default", ["127.64.0.2"], door(53, "dns", .udp), door(53, "dns-tcp")),
                [
                    "KUBE_DNS_SERVICE_HOST=127.64.0.2", "KUBE_DNS_SERVICE_PORT=53", "KUBE_DNS_SERVICE_PORT_DNS=53",
                    "KUBE_DNS_SERVICE_PORT_DNS_TCP=53", "KUBE_DNS_PORT=udp://127.64.0.2:53",
                    "KUBE_DNS_PORT_53_UDP=udp://127.64.0.2:53", "KUBE_DNS_PORT_53_UDP_PROTO=udp",
                    "KUBE_DNS_PORT_53_UDP_PORT=53", "KUBE_DNS_PORT_53_UDP_ADDR=127.64.0.2",
                    "KUBE_DNS_PORT_53_TCP=tcp://127.64.0.2:53", "KUBE_DNS_PORT_53_TCP_PROTO=tcp",
                    "KUBE_DNS_PORT_53_TCP_PORT=53", "KUBE_DNS_PORT_53_TCP_ADDR=127.64.0.2",
                ]
            ),
            (
                "another number than in the manifest: the names keep that one",
                service("web", "default", ["127.64.0.3"], door(80, "http", at: 8080)),
                [
                    "WEB_SERVICE_HOST=127.64.0.3", "WEB_SERVICE_PORT=8080", "WEB_SERVICE_PORT_HTTP=8080",
                    "WEB_PORT=tcp://127.64.0.3:8080", "WEB_PORT_80_TCP=tcp://127.64.0.3:8080",
                    "WEB_PORT_80_TCP_PROTO=tcp",
                    "WEB_PORT_80_TCP_PORT=8080", "WEB_PORT_80_TCP_ADDR=127.64.0.3",
                ]
            ),
            (
                "an IPv6 address is in brackets where a port follows, and the first address is the one",
                service("six", "default", ["fd00::1", "127.64.0.4"], door(80)),
                [
                    "SIX_SERVICE_HOST=fd00::1", "SIX_SERVICE_PORT=80", "SIX_PORT=tcp://[fd00::1]:80",
                    "SIX_PORT_80_TCP=tcp://[fd00::1]:80", "SIX_PORT_80_TCP_PROTO=tcp", "SIX_PORT_80_TCP_PORT=80",
                    "SIX_PORT_80_TCP_ADDR=fd00::1",
                ]
            ),
            ("headless", headless("db", "default", .init(endpoints: [endpoint("db-0", "10.0.0.1", 80)])), []),
            ("without a port", service("portless", "default", ["127.64.0.5"]), []),
            ("without an address", service("homeless", "default", [], door(80)), []),
        ] as [(String, NamedService, [String])])
    func asKubeletDoes(what: String, service: NamedService, expected: [String]) {
        #expect(lines([service]) == expected, "\(what)")
    }

    @Test func aPodSeesItsOwnNamespace() {
        let services = [
            service("b", "shop", ["127.64.0.1"], door(1)), service("a", "shop", ["127.64.0.2"], door(1)),
            service("a", "default", ["127.64.0.3"], door(1)),
        ]
        func hosts(_ namespace: String) -> [String] { lines(services, namespace).filter { $0.contains("HOST") } }
        #expect(hosts("shop") == ["A_SERVICE_HOST=127.64.0.2", "B_SERVICE_HOST=127.64.0.1"])
        #expect(hosts("default") == ["A_SERVICE_HOST=127.64.0.3"])
        #expect(hosts("other") == [])
    }

    @Test func everyPodSeesTheAPI() {
        let api = service("kubernetes", "default", ["127.64.0.1"], door(443, "https"))
        let own = service("kubernetes", "shop", ["127.64.0.2"], door(443, "https"))
        func host(_ services: [NamedService], _ namespace: String) -> [String] {
            lines(services, namespace).filter { $0.contains("HOST") }
        }
        #expect(host([api], "shop") == ["KUBERNETES_SERVICE_HOST=127.64.0.1"])
        #expect(host([api, own], "shop") == ["KUBERNETES_SERVICE_HOST=127.64.0.2"])
        #expect(host([api, own], "default") == ["KUBERNETES_SERVICE_HOST=127.64.0.1"])
        #expect(host([own], "default") == [])
    }

    @Test func aNumberWinsOverALinkOfTheSameName() {
        let services = [
            service("web-service", "default", ["127.64.0.1"], door(90)),
            service("web", "default", ["127.64.0.2"], door(80)),
        ]
        #expect(lines(services).filter { $0.hasPrefix("WEB_SERVICE_PORT=") } == ["WEB_SERVICE_PORT=80"])
        let names = ServiceVariables(services, namespace: "default").variables.map(\.name)
        #expect(Set(names).count == names.count)
    }

    @Test func aFileIsForShells() {
        let services = [
            service("3db", "default", ["127.64.0.1"], door(1)), service("a", "default", ["127.64.0.2"], door(2)),
        ]
        let text = ServiceVariables(services, namespace: "default").fileText
        #expect(text.hasPrefix("A_SERVICE_HOST=127.64.0.2\nA_SERVICE_PORT=2\n"))
        #expect(!text.contains("3DB"), "no shell takes such a name")
        #expect(
            text.split(separator: "\n").allSatisfy { $0.wholeMatch(of: /[A-Z_][A-Z0-9_]*=[a-z0-9.:\/\[\]]+/) != nil })
        #expect(ServiceVariables([], namespace: "default").fileText.isEmpty)
    }
}
