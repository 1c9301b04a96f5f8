import Base
import Glibc
import Redirect
import TestSupport
import Testing

/// Whom a node's own firewall, and interfaces without addresses, keep from the proxy; with real sockets.
@Suite(
    "Who gets to a proxy port", .timeLimit(.minutes(3)),
    .requires(.root, .networkNamespaces, .tool("nsenter"), .tool("ip"), .tool("iptables")))
struct ProxyPortGuardTests {
    typealias Transport = TransparentDial.Transport

    /// Each kind of portal at proxy port 4000; what is open about health, and nothing else.
    private func apply(_ namespace: Namespace, _ variant: Iptables.Variant, _ family: IPAddress.Family) async throws {
        let prefix = family == .ipv4 ? "10.96.0." : "fd00::"
        let own = ip(family == .ipv4 ? "192.168.1.5" : "fd01::5")
        let portals = [web, dns].flatMap { owner in
            [
                Portal(owner, .clusterIP(ip("\(prefix)1")), port: 80, outside: .proxy(4000)),
                Portal(owner, .externalIP(ip("\(prefix)2")), port: 80, outside: .proxy(4000)),
                Portal(owner, .externalIP(own), port: 80, outside: .proxy(4000)),
                Portal(owner, .loadBalancerIP(ip("\(prefix)3")), port: 80, outside: .proxy(4000)),
                Portal(owner, .nodePort(family), port: 30080, outside: .proxy(4000)),
            ]
        }
        let plan = Wanted(
            portals: portals, ipv4: try node(), ipv6: NodeNetwork(hostIP: ip("fd01::5")), proxyPorts: 4000...5000,
            healthPorts: [10256])
        try await Keeper(family, namespace.iptables(variant)).apply(plan)
    }

    private func portals(_ family: IPAddress.Family) -> [(host: String, port: UInt16)] {
        let (prefix, own) = family == .ipv4 ? ("10.96.0.", "192.168.1.5") : ("fd00::", "fd01::5")
        return [("\(prefix)1", 80), ("\(prefix)2", 80), (own, 80), ("\(prefix)3", 80), (own, 30080)]
    }

    @Test(
        "Who dials it directly gets nothing; who was led there, and other programs' clients, notice nothing",
        arguments: NamespaceTests.variants, IPAddress.Family.allCases)
    func directDial(_ variant: Iptables.Variant, _ family: IPAddress.Family) async throws {
        let namespace = try await Namespace()
        try await namespace.addIPv6()
        try await apply(namespace, variant, family)
        let (own, loopback) = family == .ipv4 ? ("192.168.1.5", "127.0.0.1") : ("fd01::5", "::1")
        for transport in Transport.allCases {
            let server = try await TransparentDial.serve(transport, on: own, 4000, in: namespace.pid)
            let other = try await TransparentDial.serve(transport, on: own, 4001, in: namespace.pid)
            let local = try await TransparentDial.serve(transport, on: loopback, 4000, in: namespace.pid)
            defer { for socket in [server, other, local] { close(socket) } }
            for pid in [namespace.neighbourPID, namespace.pid] {
                let direct = try await BothFamiliesTests.ask(transport, own, 4000, server, in: pid)
                #expect(direct == .silence, "\(transport)")
                let program = try await BothFamiliesTests.ask(transport, own, 4001, other, in: pid)
                #expect(program == .connected, "\(transport)")
                let nodePort = try await BothFamiliesTests.ask(transport, own, 30080, server, in: pid)
                #expect(nodePort == .connected, "\(transport)")
            }
            let localhost = try await BothFamiliesTests.ask(transport, loopback, 30080, local, in: namespace.pid)
            #expect(localhost == .connected, "\(transport)")
        }
    }

    @Test(
        "Behind a firewall that lets nothing in, every portal and health are open, and nothing else",
        arguments: NamespaceTests.variants, IPAddress.Family.allCases)
    func defaultDeny(_ variant: Iptables.Variant, _ family: IPAddress.Family) async throws {
        let namespace = try await Namespace()
        try await namespace.addIPv6()
        let program = "\(family == .ipv4 ? "iptables" : "ip6tables")-\(variant.rawValue)"
        try await namespace.run(program, "-A INPUT -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT")
        // Without its neighbours' addresses IPv6 gets nowhere; every firewall lets these in.
        if family == .ipv6 { try await namespace.run(program, "-A INPUT -p ipv6-icmp -j ACCEPT") }
        try await namespace.run(program, "-P INPUT DROP")
        try await apply(namespace, variant, family)
        let own = family == .ipv4 ? "192.168.1.5" : "fd01::5"
        for transport in Transport.allCases {
            let server = try await TransparentDial.serve(transport, on: own, 4000, in: namespace.pid)
            defer { close(server) }
            for (host, port) in portals(family) {
                let answer = try await BothFamiliesTests.ask(transport, host, port, server, in: namespace.neighbourPID)
                #expect(answer == .connected, "\(transport) \(host):\(port)")
            }
            for (port, expected) in [(10256, .connected), (4000, .silence), (10257, .silence)]
                as [(UInt16, Namespace.Answer)] where transport == .tcp
            {
                let listener =
                    port == 4000 ? -1 : try await TransparentDial.serve(.tcp, on: own, port, in: namespace.pid)
                defer { if listener >= 0 { close(listener) } }
                let answer = try await BothFamiliesTests.ask(.tcp, own, port, server, in: namespace.neighbourPID)
                #expect(answer == expected, "\(port)")
            }
        }
    }

    /// As Calico, Cilium and the AWS plug-in make them: the node's side of the pair has no address but a link-local one of IPv6.
    @Test(
        "A pod behind an interface without an address gets to every portal, however strict the kernel is about sources",
        arguments: NamespaceTests.variants, IPAddress.Family.allCases)
    func addresslessInterface(_ variant: Iptables.Variant, _ family: IPAddress.Family) async throws {
        let namespace = try await Namespace()
        try await namespace.addIPv6()
        let pod = try await namespace.addPod("pod0", "10.244.1.2", "fd03::2")
        try await apply(namespace, variant, family)
        let own = family == .ipv4 ? "192.168.1.5" : "fd01::5"
        for transport in Transport.allCases {
            let server = try await TransparentDial.serve(transport, on: own, 4000, in: namespace.pid)
            defer { close(server) }
            for strictness in [0, 1] {
                try await namespace.run(
                    "sh", "-c",
                    last: "for file in /proc/sys/net/ipv4/conf/*/rp_filter; do echo \(strictness) > $file; done")
                for (host, port) in portals(family) {
                    let answer = try await BothFamiliesTests.ask(transport, host, port, server, in: pod.pid)
                    #expect(answer == .connected, "\(transport) \(host):\(port), rp_filter \(strictness)")
                }
            }
        }
    }
}
