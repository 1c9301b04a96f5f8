import Base
import Glibc
import Redirect
import TestSupport
import Testing

/// Dialling from the client's address: `NodeRedirection.preservesSource`.
@Suite("Keeping the client's source address")
struct TransparentTests {
    private func plan(_ preservesSource: Bool) throws -> Wanted {
        let network = NodeNetwork(hostIP: ip("fd01::5"))
        return Wanted(ipv4: try node(), ipv6: network, preservesSource: preservesSource)
    }

    @Test("The rules as text, and none without the option")
    func golden() throws {
        let rules = try #require(try plan(true).rules(for: .ipv4))
        let expected = """
            *mangle
            :PORTICO-TRANSPARENT - [0:0]
            -A PORTICO-TRANSPARENT -p tcp -m socket --transparent --nowildcard -j MARK --set-xmark 0x2000/0x2000
            -A PORTICO-TRANSPARENT -p udp -m socket --transparent --nowildcard -j MARK --set-xmark 0x2000/0x2000
            -I PREROUTING -m comment --comment "Lead answers to the proxy that it asked for from the address of a client" -j PORTICO-TRANSPARENT
            COMMIT

            """
        #expect(rules.text.hasSuffix(expected))
        #expect(try #require(try plan(true).rules(for: .ipv6)).text.hasSuffix(expected))
        #expect(try !#require(try plan(false).rules(for: .ipv4)).text.contains("mangle"))
    }

    @Test("Read back as the same, and gone with the option; a mark of others is none of ours")
    func saved() throws {
        let text = """
            *mangle
            :PREROUTING ACCEPT [0:0]
            :PORTICO-TRANSPARENT - [0:0]
            -A PREROUTING -m comment --comment "Lead answers to the proxy that it asked for from the address of a client" -j PORTICO-TRANSPARENT
            -A PORTICO-TRANSPARENT -p tcp -m socket --transparent --nowildcard -j MARK --set-xmark 0x2000/0x2000
            -A PORTICO-TRANSPARENT -p udp -m socket --transparent --nowildcard -j MARK --set-xmark 0x2000/0x2000
            COMMIT
            """
        let with = try #require(try plan(true).rules(for: .ipv4))
        #expect(RuleSet(with, in: try SavedRules(text))[.mangle] == with[.mangle])

        let without = try #require(try plan(false).rules(for: .ipv4))
        let removal = try #require(without.transaction(from: RuleSet(without, in: try SavedRules(text))))
        #expect(
            removal.hasSuffix(
                """
                *mangle
                :PORTICO-TRANSPARENT - [0:0]
                -D PREROUTING -m comment --comment "Lead answers to the proxy that it asked for from the address of a client" -j PORTICO-TRANSPARENT
                -X PORTICO-TRANSPARENT
                COMMIT

                """))

        for other in ["0x2000/0xffffffff", "0x4000/0x4000", "0x2000"] {
            let changed = try SavedRules(
                text.replacing(
                    "udp -m socket --transparent --nowildcard -j MARK --set-xmark 0x2000/0x2000",
                    with: "udp -m socket --transparent --nowildcard -j MARK --set-xmark \(other)"))
            #expect(RuleSet(with, in: changed)[.mangle] != with[.mangle], "\(other)")
        }
    }

    @Test("Without iproute2 the error names the package; without the option nobody needs it")
    func withoutProgram() async throws {
        let host = try FakeHost()
        let keeper = Keeper(.ipv4, host.iptables)
        let error = await #expect(throws: RedirectError.self) {
            try await keeper.apply(try plan(true))
        }
        #expect(
            error?.description
                == "cannot find ip: please install the package iproute2 (Debian, Ubuntu: apt-get install iproute2)")
        #expect(try host.log() == "", "nothing was half done")
        try await keeper.apply(try plan(false))
    }
}

/// With the real programs.
@Suite(
    "A real transparent dial", .timeLimit(.minutes(3)),
    .requires(.root, .networkNamespaces, .tool("nsenter"), .tool("ip"), .tool("iptables")))
struct TransparentNamespaceTests {
    private func plan(_ preservesSource: Bool) throws -> Wanted {
        Wanted(ipv4: try node(), ipv6: NodeNetwork(hostIP: ip("fd01::5")), preservesSource: preservesSource)
    }

    @Test("Applied, found out, repaired, removed", arguments: NamespaceTests.variants, IPAddress.Family.allCases)
    func life(_ variant: Iptables.Variant, _ family: IPAddress.Family) async throws {
        let namespace = try await Namespace()
        try namespace.wrap("ip")
        let keeper = Keeper(family, try namespace.iptables(variant))
        let option = family == .ipv4 ? "-4" : "-6"
        func policy() async throws -> String { try await namespace.run("ip", "\(option) rule show") }

        let (with, without) = (try plan(true), try plan(false))
        try await keeper.apply(with)
        #expect(try await policy().contains("90:\tfrom all fwmark 0x2000/0x2000 lookup 8192"))
        #expect(try await namespace.run("ip", "\(option) route show table 8192").hasPrefix("local default dev lo "))
        #expect(try await keeper.apply(with) == .unchanged)
        #expect(try await keeper.repair(with) == .unchanged)

        try await namespace.run("ip", "\(option) rule delete priority 90")
        #expect(try await keeper.repair(with) == .applied(lines: 0))
        try await namespace.run("ip", "\(option) route flush table 8192")
        #expect(try await keeper.repair(with) == .applied(lines: 0))
        #expect(try await keeper.repair(with) == .unchanged)

        // A process without the option, after one with it.
        let next = Keeper(family, try namespace.iptables(variant))
        try await next.apply(without)
        #expect(try await !policy().contains("0x2000"))
        #expect(try await next.repair(without) == .unchanged)
        let program = family == .ipv4 ? "iptables" : "ip6tables"
        #expect(try await !namespace.run("\(program)-\(variant.rawValue)-save", "").contains("TRANSPARENT"))

        try await next.apply(with)
        let report = Cleanup.run(searchPath: [namespace.folder.path])
        #expect(report.errors.isEmpty)
        #expect(report.removed.contains("the policy route of IPv\(family.rawValue)"))
        #expect(try await !policy().contains("0x2000"))
        #expect(try await !namespace.run("\(program)-\(variant.rawValue)-save", "").contains("TRANSPARENT"))
    }

    @Test(
        "The pod sees the client, and its answer arrives",
        arguments: NamespaceTests.variants, TransparentDial.Transport.allCases)
    func dial(_ variant: Iptables.Variant, _ transport: TransparentDial.Transport) async throws {
        let namespace = try await Namespace()
        try namespace.wrap("ip")
        let pod = try await namespace.addPod("pod0", "10.244.1.2", "fd03::2")
        // The neighbour, and somebody far away behind it.
        try await namespace.run("ip", "-6 route add fd99::/64 dev veth0")
        for (family, clients, address) in [
            (IPAddress.Family.ipv4, ["192.168.1.6", "203.0.113.77"], "10.244.1.2"), (.ipv6, ["fd99::1"], "fd03::2"),
        ] {
            let keeper = Keeper(family, try namespace.iptables(variant))
            let server = try await TransparentDial.serve(transport, on: address, 8080, in: pod.pid)
            defer { close(server) }
            for client in clients {
                // Without the rules the answer goes on to the client, who does not know what to do with it.
                try await keeper.apply(try plan(false))
                await #expect(throws: TransparentDial.Failure.self, "\(client) without the rules") {
                    let socket = try await TransparentDial.dial(
                        transport, from: client, to: address, 8080, in: namespace.pid)
                    defer { close(socket) }
                    _ = try TransparentDial.exchange(transport, socket, server)
                }
                try await keeper.apply(try plan(true))
                for strictness in ["0 0", "1 0", "1 1"] {
                    try await namespace.run("sh", "-c", last: Self.reversePath(strictness))
                    let socket = try await TransparentDial.dial(
                        transport, from: client, to: address, 8080, in: namespace.pid)
                    defer { close(socket) }
                    let result = try TransparentDial.exchange(transport, socket, server)
                    #expect(
                        result.peer == client && result.text == "answer", "rp_filter and src_valid_mark \(strictness)")
                }
            }
        }
    }

    /// How strict the kernel is about where IPv4 packets come from, and whether it heeds their marks there.
    private static func reversePath(_ values: String) -> String {
        let numbers = values.split(separator: " ")
        return """
            for file in /proc/sys/net/ipv4/conf/*/rp_filter; do echo \(numbers[0]) > $file; done
            echo \(numbers[1]) > /proc/sys/net/ipv4/conf/all/src_valid_mark
            """
    }

    /// What docs/source-address.md says of bridges. A bridge's own filter may be on or off: the answer passes it either way.
    @Test(
        "Pods on a bridge keep the addresses of others, and not of each other",
        arguments: TransparentDial.Transport.allCases)
    func bridge(_ transport: TransparentDial.Transport) async throws {
        let namespace = try await Namespace()
        try namespace.wrap("ip")
        let pod = try await namespace.addBridgedPod("pod0", "10.244.0.2")
        let other = try await namespace.addBridgedPod("pod1", "10.244.0.3")
        let variant = try #require(NamespaceTests.variants.first)
        try await Keeper(.ipv4, namespace.iptables(variant)).apply(try plan(true))
        let server = try await TransparentDial.serve(transport, on: "10.244.0.2", 8080, in: pod.pid)
        defer { close(server) }
        func seen(from client: String) async throws -> String {
            let socket = try await TransparentDial.dial(
                transport, from: client, to: "10.244.0.2", 8080, in: namespace.pid)
            defer { close(socket) }
            return try TransparentDial.exchange(transport, socket, server).peer
        }
        for client in ["192.168.1.6", "203.0.113.77", "10.244.0.1"] {
            #expect(try await seen(from: client) == client)
        }
        for client in ["10.244.0.3", "10.244.0.2"] {
            await #expect(throws: TransparentDial.Failure.self, "\(client)") { try await seen(from: client) }
        }
        withExtendedLifetime(other) {}
    }

    @Test("The node's loopback address is no address to dial a pod from")
    func localhost() async throws {
        let namespace = try await Namespace()
        let pod = try await namespace.addPod("pod0", "10.244.1.2", "fd03::2")
        for (client, address) in [("127.0.0.1", "10.244.1.2"), ("::1", "fd03::2")] {
            let server = try await TransparentDial.serve(.tcp, on: address, 8080, in: pod.pid)
            defer { close(server) }
            await #expect(throws: TransparentDial.Failure.self) {
                close(try await TransparentDial.dial(.tcp, from: client, to: address, 8080, in: namespace.pid))
            }
        }
    }

    @Test("A pod that is its own client gets no connection")
    func hairpin() async throws {
        let namespace = try await Namespace()
        try namespace.wrap("ip")
        let pod = try await namespace.addPod("pod0", "10.244.1.2", "fd03::2")
        let variant = try #require(NamespaceTests.variants.first)
        try await Keeper(.ipv4, namespace.iptables(variant)).apply(try plan(true))
        let server = try await TransparentDial.serve(.tcp, on: "10.244.1.2", 8080, in: pod.pid)
        defer { close(server) }
        await #expect(throws: TransparentDial.Failure.self) {
            close(try await TransparentDial.dial(.tcp, from: "10.244.1.2", to: "10.244.1.2", 8080, in: namespace.pid))
        }
    }
}
