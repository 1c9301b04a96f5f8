import Base
import Glibc
import Redirect
import TestSupport
import Testing

/// What clients notice of the rules, in both families and over both transports, with real sockets.
@Suite(
    "TCP and UDP, IPv4 and IPv6, through a real firewall", .timeLimit(.minutes(3)),
    .requires(.root, .networkNamespaces, .tool("nsenter"), .tool("ip"), .tool("iptables")))
struct BothFamiliesTests {
    typealias Transport = TransparentDial.Transport

    /// Cluster IPs and node ports by verdict, of one family and transport.
    private func portals(_ family: IPAddress.Family, _ transport: Transport) throws -> [Portal] {
        let owner = transport == .tcp ? web : dns
        let prefix = family == .ipv4 ? "10.96.0." : "fd00::"
        let verdicts: [Portal.Verdict] = [.proxy(4000), .reject, .drop]
        return verdicts.enumerated().flatMap { number, verdict in
            [
                Portal(owner, .clusterIP(ip("\(prefix)\(number + 1)")), port: 80, outside: verdict),
                Portal(owner, .nodePort(family), port: 30080 + UInt16(number), outside: verdict),
            ]
        }
    }

    @Test("Captured, refused at once, or silence", arguments: NamespaceTests.variants, IPAddress.Family.allCases)
    func verdicts(_ variant: Iptables.Variant, _ family: IPAddress.Family) async throws {
        let namespace = try await Namespace()
        try await namespace.addIPv6()
        let own = family == .ipv4 ? "192.168.1.5" : "fd01::5"
        let plan = Wanted(
            portals: try Transport.allCases.flatMap { try portals(family, $0) }, ipv4: try node(),
            ipv6: NodeNetwork(hostIP: ip("fd01::5")))
        try await Keeper(family, namespace.iptables(variant)).apply(plan)

        let prefix = family == .ipv4 ? "10.96.0." : "fd00::"
        let answers: [Namespace.Answer] = [.connected, .refused, .silence]
        for transport in Transport.allCases {
            let server = try await TransparentDial.serve(transport, on: own, 4000, in: namespace.pid)
            defer { close(server) }
            for pid in [namespace.neighbourPID, namespace.pid] {
                let place = pid == namespace.pid ? "from the node" : "from beside"
                for (number, answer) in answers.enumerated() {
                    let expected = Self.notice(answer, transport, isLocal: pid == namespace.pid)
                    let cluster = "\(prefix)\(number + 1)"
                    let toCluster = try await Self.ask(transport, cluster, 80, server, in: pid)
                    #expect(toCluster == expected, "\(transport) \(cluster) \(place)")
                    let port = 30080 + UInt16(number)
                    let toNode = try await Self.ask(transport, own, port, server, in: pid)
                    #expect(toNode == expected, "\(transport) \(own):\(port) \(place)")
                }
            }
        }
    }

    /// Without `route_localnet`: the packet never leaves the host, so that the kernel has nothing against its addresses. A UDP
    /// server must answer from the address that the datagram was sent to, as the proxy does.
    @Test("Node ports on localhost, TCP and UDP", arguments: NamespaceTests.variants, IPAddress.Family.allCases)
    func localhost(_ variant: Iptables.Variant, _ family: IPAddress.Family) async throws {
        let namespace = try await Namespace()
        try await namespace.addIPv6()
        #expect(try await namespace.run("cat", "/proc/sys/net/ipv4/conf/all/route_localnet") == "0\n")
        let plan = Wanted(
            portals: try Transport.allCases.flatMap { try portals(family, $0) }, ipv4: try node(),
            ipv6: NodeNetwork(hostIP: ip("fd01::5")))
        try await Keeper(family, namespace.iptables(variant)).apply(plan)
        for transport in Transport.allCases {
            for host in family == .ipv4 ? ["127.0.0.1", "127.0.0.9"] : ["::1"] {
                let server = try await TransparentDial.serve(transport, on: host, 4000, in: namespace.pid)
                defer { close(server) }
                for (port, answer) in [(30080, .connected), (30081, .refused)] as [(UInt16, Namespace.Answer)] {
                    let expected = Self.notice(answer, transport, isLocal: true)
                    let noticed = try await Self.ask(transport, host, port, server, in: namespace.pid)
                    #expect(noticed == expected, "\(transport) \(host):\(port)")
                }
            }
        }
    }

    /// What a client makes of a verdict. A program on the node that sends a datagram which the rules do not let out is told so by
    /// `send` itself (EPERM), be it rejected or dropped.
    private static func notice(
        _ answer: Namespace.Answer, _ transport: Transport, isLocal: Bool
    ) -> Namespace.Answer {
        isLocal && transport == .udp && answer != .connected ? .other(EPERM) : answer
    }

    /// What a client in the network of `pid` gets within half a second. A datagram that reaches `server` is answered.
    static func ask(
        _ transport: Transport, _ host: String, _ port: UInt16, _ server: Int32, in pid: Int32
    ) async throws -> Namespace.Answer {
        try await OwnResources.inNetwork(of: pid) {
            let client = try TransparentDial.socket(transport, host)
            defer { close(client) }
            var code: Int32 = 0
            try TransparentDial.address(host, port) { pointer, length in
                code = connect(client, pointer, length) == 0 ? 0 : errno
            }
            if code == 0, transport == .udp { code = exchange(client, server) }
            switch code {
            case 0: return .connected
            case ECONNREFUSED: return .refused
            case EINPROGRESS, EAGAIN, ETIMEDOUT: return .silence
            default: return .other(code)
            }
        }
    }

    /// The errno of a question and its answer, or 0.
    private static func exchange(_ client: Int32, _ server: Int32) -> Int32 {
        guard send(client, "question", 8, 0) == 8 else { return errno }
        var waiting = [client, server].map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        guard poll(&waiting, 2, 500) > 0 else { return EAGAIN }
        var buffer = [UInt8](repeating: 0, count: 100)
        if waiting[1].revents != 0 {
            var peer = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            withUnsafeMutablePointer(to: &peer) { peer in
                peer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    guard recvfrom(server, &buffer, buffer.count, 0, $0, &length) == 8 else { return }
                    _ = sendto(server, "answer", 6, 0, $0, length)
                }
            }
        }
        return recv(client, &buffer, buffer.count, 0) == 6 ? 0 : errno
    }
}
