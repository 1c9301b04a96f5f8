import Base
import EventLoop
import Glibc
import TestSupport
import Testing

/// Sockets that come from an address that is not this machine's.
@Suite struct ImitationTests {
    /// Addresses that are nobody's, in a network that has nothing but loopback.
    @Test(.requires(.root, .networkNamespaces, .tool("ip")))
    func aSocketMayComeFromSomebodyElse() async throws {
        try await OwnResources.inOwnNetwork(ports: 40_000...40_099) {
            let v4 = (SocketAddress.loopback(port: 1), SocketAddress(v4: 0xC000_0209, port: 0))
            let v6 = (
                SocketAddress(v6High: 0, low: 1, port: 1), SocketAddress(v6High: 0x2001_0DB8 << 32, low: 9, port: 0)
            )
            for (target, source) in [v4, v6] {
                for local in [
                    try TCPSocket.localAddress(of: TCPSocket.dial(target, from: source)),
                    try TCPSocket.localAddress(of: UDPSocket.connect(to: target, from: source)),
                ] {
                    #expect(local.isIPv6 == source.isIPv6 && local.high == source.high && local.low == source.low)
                    #expect((40_000...40_099).contains(local.port))
                }
            }
        }
    }

    @Test(.requires(.ordinaryUser))
    func anOrdinaryUserMayNot() async {
        await #expect(processExitsWith: .success) {
            try OrdinaryUser.become()
            let source = SocketAddress(v4: 0xC000_0209, port: 0)
            let error = #expect(throws: SystemError.self) {
                _ = try TCPSocket.dial(.loopback(port: 1), from: source)
            }
            #expect(error == SystemError("connect from", "192.0.2.9:0", code: EPERM))
        }
    }
}
