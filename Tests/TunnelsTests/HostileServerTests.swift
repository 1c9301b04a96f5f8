import APITestSupport
import Glibc
import NIOCore
import TestSupport
import Testing

@testable import Tunnels

@Suite("Servers that lie, and what is left behind")
struct HostileServerTests {
    /// A server that says these bytes after the upgrade, whatever it hears.
    private func server(_ bytes: [UInt8]) async throws -> UpgradeServer {
        try await UpgradeServer { request in
            .upgrade(Array(PortForwardServer.head(for: request).utf8)) { channel in
                channel.write(ByteBuffer(bytes: bytes), promise: nil)
            }
        }
    }

    @Test(
        "What is no port-forward ends the connection, and the client goes elsewhere with what it has said",
        arguments: [
            [0x81, 2, 97, 98],  // text
            [0x82, 0x82, 0, 0, 0, 0, 1, 2],  // masked
            [0x82, 8, 0x80, 2, 0, 1, 0, 0, 0, 0],  // SPDY/2
            [0x82, 8, 0x80, 3, 0, 2, 0, 0xFF, 0xFF, 0xFF],  // an endless control frame
            [0x82, 14, 0x80, 3, 0, 2, 0, 0, 0, 6, 0, 0, 0, 1, 9, 9],  // headers that are none
            [0x88, 2, 0x03, 0xEA], [0x83, 0], [0xFF, 0xFF],
        ] as [[UInt8]])
    func nonsense(bytes: [UInt8]) async throws {
        let server = try await server(bytes)
        let tunnels = try TestTunnels(server.port)
        let client = tunnels.connect()
        // Where the line is dead before it could be used at all, another is made, and that is dead as well.
        if await client.failure() == nil { #expect(await client.withdrawal() != nil) }
        #expect(tunnels.problems.count <= 2)
        #expect(server.connectionCount < 10)
        tunnels.tunnels.shutdown()
        #expect(await eventually { server.openConnections == 0 })
    }

    @Test("Frames of streams that nobody has opened, and answers to no pings, are read over")
    func strangers() async throws {
        let writer = SPDYWriter()
        let frames =
            writer.synReply(99) + writer.reset(7) + writer.ping(5) + writer.synStream(2, [("a", "b")])
            + SPDYWriter.dataHead(77, count: 3, isLast: true) + [1, 2, 3]
        var socket = WebSocketWriter(isClient: false)
        let server = try await server(Array(socket.binary(frames).readableBytesView))
        let tunnels = try TestTunnels(server.port) { $0.patience.acknowledgement = .milliseconds(300) }
        let client = tunnels.connect()
        try await client.send("hello")
        #expect(await client.withdrawal()?.said == Array("hello".utf8))
    }

    @Test(
        "What is answered right behind the upgrade harms nobody",
        arguments: [
            [0x89, 0],  // a ping of WebSocket
            [0x82, 12] + SPDYWriter().ping(2), [0x82, 16] + SPDYWriter().goAway(),
        ] as [[UInt8]])
    func atOnce(bytes: [UInt8]) async throws {
        let server = try await server(bytes)
        let tunnels = try TestTunnels(server.port) { $0.patience.acknowledgement = .milliseconds(300) }
        let client = tunnels.connect()
        if await client.failure() == nil { #expect(await client.withdrawal() != nil) }
    }

    @Test("Names are never a path of their own")
    func names() async throws {
        let server = try await PortForwardServer()
        let tunnels = try TestTunnels(server.port)
        for name in ["../secrets", "a?b", "a b", "a/b", "ä\r\nX: y"] {
            let client = tunnels.connect(name)
            #expect(await eventually { client.count > 0 })
        }
        #expect(
            server.requests.allSatisfy {
                $0.target.hasPrefix("/api/v1/namespaces/default/pods/")
                    && $0.target.split(separator: "/").count == 7 && !$0.target.contains("?")
            })
    }

    @Test("Nothing is left open, however connections end", .timeLimit(.minutes(2)))
    func descriptors() async throws {
        let server = try await PortForwardServer()
        server.play("my-pod", 8080, .echo())
        server.play("my-pod", 8082, .cut(after: 10))
        server.play("my-pod", 8083, .reset(after: 0))
        server.play("my-pod", 8084, .endlessSource)
        func use() async throws {
            let tunnels = try TestTunnels(server.port)
            for round in 0..<10 {
                let clients = [8080, 81, 8082, 8083, 8084].map { tunnels.connect("my-pod", UInt16($0)) }
                for client in clients { try? await client.send("hello") }
                if round % 2 == 0 { _ = try? await clients[0].read(5) }
                #expect(await clients[1].withdrawal() != nil)
                #expect(await eventually { clients[2].isBroken })
                _ = try? await clients[4].read(100_000)
            }
            tunnels.tunnels.shutdown()
            #expect(await eventually { server.openConnections == 0 })
        }
        // Threads and tables are made once.
        try await use()
        #expect(await eventually { server.openConnections == 0 })
        let before = Descriptors.open()
        try await use()
        #expect(await eventually { Descriptors.open() <= before })
    }
}
