import Balancing
import Foundation
import Glibc
import TestSupport
import Testing

/// What objects, and those who are outside, must not be able to do to a node.
@Suite("A node defends itself", Lab.requirements, .serialized) struct SafetyTests {
    private func service(_ name: String, _ address: String, _ endpoint: String, spec: String = "") -> String {
        Manifest.service(name, clusterIPs: [address], spec: spec)
            + Manifest.endpoints(name, [Manifest.Endpoint(address: endpoint, node: "node1")])
    }

    private var web: String {
        Manifest.service("web", clusterIPs: ["10.100.0.1"]) + Manifest.endpoints("web", [.nginx1])
    }

    @Test("An endpoint that leads back to the proxy takes nothing down, alone, in a circle, or on all nodes' ports")
    func loops() async throws {
        try await Lab.run(daemons: ["node1", "node2"]) { lab in
            let nodePort = Manifest.service("port", clusterIPs: ["10.100.0.5"], type: "NodePort", nodePort: 30_080)
            try await lab.apply(
                "all",
                [
                    web, service("self", "10.100.0.2", "10.100.0.2"), service("a", "10.100.0.3", "10.100.0.4"),
                    service("b", "10.100.0.4", "10.100.0.3"),
                    nodePort
                        + Manifest.endpoints(
                            "port",
                            ["192.168.58.2", "192.168.58.3"].map { Manifest.Endpoint(address: $0, node: "node1") }
                        ).replacing("port: 80", with: "port: 30080"),
                ].joined(separator: "---\n"))
            for transport in Transport.allCases {
                for address in ["10.100.0.2", "10.100.0.3", "10.100.0.4", "10.100.0.5"] {
                    let answer = try await lab.ask(from: "client", address, 80, over: transport)
                    #expect(answer == .refused, "\(address), \(transport)")
                }
                #expect(try await lab.ask(from: "client", "10.100.0.1", 80, over: transport) == .pod("nginx1"))
            }
            let pid = try lab.pid(of: "node1")
            #expect(try FileManager.default.contentsOfDirectory(atPath: "/proc/\(pid)/fd").count < 300)
            for line in [
                "Service default/a: port web: endpoint 10.100.0.4:80 is refused: it is an address of Service default/b",
                "endpoint 192.168.58.3:30080 is refused: it is a node port of Service default/port",
            ] { #expect(await lab.logged(line, on: "node1"), "\(line)") }
        }
    }

    @Test("Nobody reaches this machine's own networks through a Service, nor takes its ports")
    func special() async throws {
        try await Lab.run(daemons: ["node1"]) { lab in
            // A program of the node at an address of the node.
            let name = "\(lab.name)-node1"
            let secure = try await OwnResources.inNetwork(named: name) {
                try LabSocket.listening(at: "192.168.58.2", 80)
            }
            defer { close(secure) }
            try await lab.apply(
                "all",
                [
                    web, service("metadata", "10.100.0.2", "169.254.169.254"),
                    service("local", "10.100.0.3", "127.0.0.1"),
                    service("loopback", "127.0.0.1", "10.244.2.3"), service("node", "192.168.58.3", "10.244.2.3"),
                    Manifest.service(
                        "balancer", clusterIPs: ["10.100.0.6"], spec: "  loadBalancerSourceRanges: [0.0.0.0/1]",
                        ingress: ["192.168.58.2"]) + Manifest.endpoints("balancer", [.nginx1]),
                ].joined(separator: "---\n"))
            for address in ["10.100.0.2", "10.100.0.3"] {
                #expect(try await lab.ask(from: "client", address, 80) == .refused)
            }
            for address in ["10.100.0.1", "10.100.0.6"] {
                #expect(try await lab.ask(from: "client", address, 80) == .pod("nginx1"))
            }
            let rules = try await lab.run(on: "node1", "iptables-save")
            for address in ["127.0.0.1", "192.168.58.3"] { #expect(!rules.contains("-d \(address)/32"), "\(address)") }
            #expect(!rules.contains("-d 192.168.58.2/32 -p tcp"), "it belongs to the program that listens there")
            for line in [
                "endpoint 169.254.169.254:80 is refused: it is a link-local address",
                "endpoint 127.0.0.1:80 is refused: it is a loopback address",
                "cluster IP 127.0.0.1 is refused: it is a loopback address",
                "cluster IP 192.168.58.3 is refused: it is an address of a node",
                "default/balancer:web: 192.168.58.2:80 is not redirected: it is this node's own, and held by",
            ] { #expect(await lab.logged(line, on: "node1"), "\(line)") }
        }
    }

    @Test("A name that would end a line of rules costs its Service alone")
    func names() async throws {
        try await Lab.run(daemons: ["node1"]) { lab in
            let bad = service("bad", "10.100.0.2", "10.244.2.3").replacing("name: web,", with: "name: \"we\\nb\",")
            try await lab.apply("all", web + "---\n" + bad)
            #expect(try await lab.ask(from: "client", "10.100.0.1", 80) == .pod("nginx1"))
            #expect(await lab.logged("spec.ports[0].name: expected a name of at most 63", on: "node1"))
        }
    }

    @Test("Behind a firewall that lets nothing in, all portals are open, and the proxy's own ports are not")
    func defaultDeny() async throws {
        try await Lab.run(daemons: []) { lab in
            try await lab.run(
                on: "node1",
                """
                for program in iptables ip6tables; do
                    $program -A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
                    $program -P INPUT DROP
                done
                ip6tables -A INPUT -p ipv6-icmp -j ACCEPT
                """)
            try await lab.start("node1")
            try await lab.apply(
                "web",
                Manifest.service(
                    "web", clusterIPs: ["10.100.0.1", "fd00:100::1"], type: "LoadBalancer", nodePort: 30_080,
                    spec: "  externalIPs: [\"198.51.100.7\"]", ingress: ["203.0.113.7"])
                    + Manifest.endpoints("web", [.nginx1]))
            for transport in Transport.allCases {
                for (address, port) in [
                    ("10.100.0.1", 80), ("fd00:100::1", 80), ("198.51.100.7", 80), ("203.0.113.7", 80),
                    ("192.168.58.2", 30_080), ("fd00:58::2", 30_080),
                ] as [(String, UInt16)] {
                    let answer = try await lab.ask(from: "client", address, port, over: transport)
                    #expect(answer == .pod("nginx1"), "\(address):\(port), \(transport)")
                }
                #expect(try await lab.ask(from: "outside", "192.168.58.2", 30_080, over: transport) == .pod("nginx1"))
                #expect(try await lab.ask(from: "node1", "127.0.0.1", 30_080, over: transport) == .pod("nginx1"))

                let proxy = try await lab.run(
                    on: "node1",
                    "iptables-save -t nat | grep -e '-d 10.100.0.1/32 -p \(transport)' | grep -o '[0-9]*$' | head -n 1")
                let port = try #require(UInt16(proxy.trimmingCharacters(in: .newlines)))
                for place in ["outside", "client", "node1"] {
                    #expect(
                        try await lab.ask(from: place, "192.168.58.2", port, over: transport) == .silence, "\(place)")
                }
            }
            let health = try await lab.run(
                on: "outside", "curl -s -m 2 -o /dev/null -w '%{http_code}' http://192.168.58.2:10256/healthz; true")
            #expect(health == "200")
        }
    }
}
