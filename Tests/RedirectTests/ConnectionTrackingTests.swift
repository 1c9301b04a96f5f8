import Base
import Glibc
import TestSupport
import Testing

@testable import Redirect

/// The kernel's memory of flows, asked and changed without the program `conntrack`.
@Suite("Tracked flows") struct ConnectionTrackingTests {
    private func flows(_ family: IPAddress.Family, _ ranges: [String?], _ port: UInt16) throws -> [StaleFlows] {
        try ranges.map { StaleFlows(family: family, destination: try $0.map(range), port: port) }
    }

    @Test(
        "Those of stale portals are forgotten, and no others",
        .requires(.root, .networkNamespaces, .tool("nsenter"), .tool("ip"), .tool("iptables")),
        arguments: IPAddress.Family.allCases)
    func forget(_ family: IPAddress.Family) async throws {
        let namespace = try await Namespace()
        try await namespace.addIPv6()
        let prefix = family == .ipv4 ? "10.96.0." : "fd00::"
        let length = family == .ipv4 ? 32 : 128
        // Where nothing asks for it, connections are not tracked.
        let keeper = Keeper(family, try namespace.iptables(try #require(NamespaceTests.variants.first)))
        let network = NodeNetwork(hostIP: ip(family == .ipv4 ? "192.168.1.5" : "fd01::5"))
        let plan = Wanted(ipv4: network, ipv6: network)
        try await keeper.apply(plan)

        let (few, many) = (try flows(family, ["\(prefix)1/\(length)", "\(prefix)2/\(length)"], 53), 100)
        let left = try await OwnResources.inNetwork(of: namespace.pid) {
            // Open to the end, so that each has a port of its own.
            var sockets: [Int32] = []
            defer { for socket in sockets { close(socket) } }
            /// Sends from so many ports to each of the addresses.
            func send(_ transport: TransparentDial.Transport, _ count: Int, to hosts: [String], _ port: UInt16) throws {
                for host in hosts {
                    for _ in 0..<count {
                        let socket = try TransparentDial.socket(transport, host)
                        sockets.append(socket)
                        try TransparentDial.address(host, port) { _ = connect(socket, $0, $1) }
                        _ = Glibc.send(socket, "question", 8, Int32(MSG_NOSIGNAL))
                    }
                }
            }
            var counts: [Int] = []
            try send(.udp, 1, to: ["\(prefix)1", "\(prefix)2", "\(prefix)3"], 53)
            try send(.udp, 1, to: ["\(prefix)1"], 54)
            counts.append(try ConnectionTracking.forget(few))
            // There is none now, and that is fine.
            counts.append(try ConnectionTracking.forget(few))
            counts.append(try ConnectionTracking.forget([]))
            // A node port is at whichever address; the other portals of the first one are left.
            try send(.udp, many, to: ["\(prefix)1", "\(prefix)3"], 30053)
            counts.append(try ConnectionTracking.forget(try flows(family, [nil], 30053)))
            counts.append(try ConnectionTracking.forget(try flows(family, ["\(prefix)0/\(length - 8)"], 53)))
            counts.append(try ConnectionTracking.forget(try flows(family, [nil], 54)))
            return counts
        }
        #expect(left == [2, 0, 0, 2 * many, 1, 1])
    }
}
