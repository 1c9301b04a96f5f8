import Balancing
import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Relay

/// Clients with an IPv6 link-local address, which means nothing without the interface that it belongs to.
@Suite(.timeLimit(.minutes(1))) struct LinkLocalTests {
    @Test(.requires(.root, .networkNamespaces, .tool("ip")), arguments: [true, false])
    func clientsOfALinkGetTheirAnswers(asksLinkLocalAddress: Bool) async throws {
        let link = try await OwnResources.inOwnNetwork(ports: 40_000...50_000) { try Link(asksLinkLocalAddress) }
        #expect(try await link.ask("one") == "one")
        #expect(try await link.ask("two") == "two")
        link.worker.stop()
    }

    /// Two ends of a cable, a worker with a door to all addresses, and a client.
    private struct Link: Sendable {
        let worker: LoneWorker
        let server: UDPServer
        private let client: Socket

        init(_ asksLinkLocalAddress: Bool) throws {
            for arguments in [
                "link add left type veth peer name right", "link set left up", "link set right up",
                "-6 addr add fe80::1:1/64 dev left nodad", "-6 addr add fe80::1:2/64 dev right nodad",
                "-6 addr add fd00::1/64 dev left nodad",
            ] {
                try OwnResources.run("ip", arguments)
            }
            server = try UDPServer()
            worker = try LoneWorker()
            let id = UDPHarness.id
            worker.worker.serve(id, by: ServiceRoute(UDPHarness.balancer([server.port]), ServicePolicy()))
            let door = try UDPSocket.bind(to: SocketAddress(v6High: 0, low: 0, port: 0))
            let port = try TCPSocket.localAddress(of: door).port
            worker.worker.listen(1, door, for: id)
            try worker.run()
            let scope = if_nametoindex("left")
            let network: UInt64 = 0xFE80 << 48
            let own = SocketAddress(v6High: network, low: 0x1_0001, scope: scope, port: 0)
            let target =
                asksLinkLocalAddress
                ? SocketAddress(v6High: network, low: 0x1_0001, scope: scope, port: port)
                : SocketAddress(v6High: 0xFD00 << 48, low: 1, port: port)
            client = Socket(descriptor: try UDPSocket.bind(to: own))
            self.target = target
        }

        private let target: SocketAddress

        func ask(_ text: String) async throws -> String? {
            let answer = Locked<String?>(nil)
            let sent = Array(text.utf8).withUnsafeBytes {
                UDPSocket.send($0, to: target, through: client.descriptor)
            }
            #expect(sent == 0)
            _ = await eventually(within: .seconds(5)) {
                var bytes = [UInt8](repeating: 0, count: 64)
                let arrival = bytes.withUnsafeMutableBytes { UDPSocket.receive(from: client.descriptor, into: $0) }
                guard case .datagram(let count, let sender) = arrival else { return false }
                #expect(sender == target)
                answer.withLock { $0 = String(decoding: bytes.prefix(count), as: UTF8.self) }
                return true
            }
            return answer.withLock { $0 }
        }
    }

    private final class Socket: Sendable {
        let descriptor: Descriptor

        init(descriptor: consuming Descriptor) { self.descriptor = descriptor }
    }
}
