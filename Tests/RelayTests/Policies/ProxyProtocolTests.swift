import Balancing
import Base
import EventLoop
import TestSupport
import Testing

@testable import Relay

/// What endpoints receive of Services that ask for the PROXY protocol.
@Suite struct ProxyProtocolTests {
    private func balancer(_ server: ScriptedServer) throws -> Balancer {
        Balancer(inOrder: [try .local(server.port, on: server.host)])
    }

    @Test("TCP, v1: the real client, the address that it used, and then its bytes")
    func v1() async throws {
        let server = try ScriptedServer(script: [.receiveAll, .send("done")])
        let served = try await ServedPort(try balancer(server), ServicePolicy(proxyProtocol: .v1))
        let client = try ScriptedPeer.connect(
            to: served.port, from: "127.0.0.77", script: [.send("hello"), .shutdownWrite, .receiveAll])
        #expect(try await client.finished().received.text == "done")
        let text = try await server.connection(0).finished().received.text
        let parts = text.split(separator: "\r\n", maxSplits: 1)
        let fields = try #require(parts.first).split(separator: " ")
        #expect(fields.prefix(4) == ["PROXY", "TCP4", "127.0.0.77", "127.0.0.1"])
        #expect(fields.count == 6 && UInt16(fields[4]) != nil && fields[5] == "\(served.port)")
        #expect(parts.last == "hello")
        #expect(await eventually { await served.counters.bytesUp == 5 }, "the header is not the client's")
        await served.relay.stop()
    }

    @Test("TCP, v2, with the server speaking first")
    func v2() async throws {
        let server = try ScriptedServer(script: [.send("welcome"), .receiveAll])
        let served = try await ServedPort(try balancer(server), ServicePolicy(proxyProtocol: .v2))
        let client = try ScriptedPeer.connect(
            to: served.port, script: [.expect("welcome"), .shutdownWrite, .receiveAll])
        _ = try await client.finished()
        let header = try await server.connection(0).finished().received.head
        #expect(header.count == 28)
        #expect(
            Array(header.prefix(24))
                == ProxyHeaderExample.signature + [0x21, 0x11, 0, 12, 127, 0, 0, 1, 127, 0, 0, 1])
        #expect(header.suffix(2) == [UInt8(served.port >> 8), UInt8(served.port & 0xFF)])
        await served.relay.stop()
    }

    @Test("TCP, v2, IPv6 in front of an endpoint with IPv4", .requires(.ipv6Loopback))
    func mixed() async throws {
        let server = try ScriptedServer(script: [.receiveAll])
        let served = try await ServedPort(
            try balancer(server), ServicePolicy(proxyProtocol: .v2), on: "::1")
        let client = try ScriptedPeer.connect(
            to: served.port, on: "::1", script: [.sendPattern(count: 200_000, seed: 1), .shutdownWrite, .receiveAll])
        _ = try await client.finished()
        let received = try await server.connection(0).finished().received
        #expect(received.count == 52 + 200_000)
        // What the client used counts, not what the endpoint speaks.
        #expect(Array(received.head.prefix(16)) == ProxyHeaderExample.signature + [0x21, 0x21, 0, 36])
        #expect(Array(received.head[52..<152]) == BytePattern(seed: 1).prefix(100))
        await served.relay.stop()
    }

    @Test("After a failed attempt the header goes to the endpoint that is used; a change holds for new connections")
    func failover() async throws {
        let dead = try RefusingPort()
        let server = try ScriptedServer(script: [.receiveAll])
        let balancer = Balancer(inOrder: [try .local(dead.port), try .local(server.port)])
        let served = try await ServedPort(balancer, ServicePolicy(proxyProtocol: .v1))
        for policy in [ServicePolicy(proxyProtocol: .v1), ServicePolicy()] {
            await served.serve(balancer, policy)
            _ = try await ScriptedPeer.connect(
                to: served.port, script: [.send("x"), .shutdownWrite, .receiveAll]
            ).finished()
        }
        #expect(try await server.connection(0).finished().received.text.hasPrefix("PROXY TCP4 "))
        #expect(try await server.connection(1).finished().received.text == "x")
        await served.relay.stop()
    }

    @Test("A probe says that it is none of the clients")
    func probe() async throws {
        let port = try freePort(on: ScriptedServer.quietHost)
        let good = try ScriptedServer(script: [.receiveAll])
        let served = try await ServedPort(
            Balancer(inOrder: [try .local(port, on: ScriptedServer.quietHost), try .local(good.port)]),
            ServicePolicy(proxyProtocol: .v2))
        _ = try await ScriptedPeer.connect(to: served.port, script: [.shutdownWrite, .receiveAll]).finished()
        let late = try ScriptedServer(on: ScriptedServer.quietHost, port: port, script: [.receiveAll])
        let received = try await late.connection(0).finished().received
        #expect(received.head == ProxyHeaderExample.signature + [0x20, 0, 0, 0])
        await served.relay.stop()
    }

    @Test("UDP, v2: every datagram has its header, at a door on one address or on all", arguments: [false, true])
    func datagrams(wildcard: Bool) async throws {
        let server = try UDPServer(.echo())
        let served = try await ServedPort(
            Balancer(inOrder: [try .local(server.port)]), ServicePolicy(proxyProtocol: .v2), transport: .udp,
            on: wildcard ? "0.0.0.0" : "127.0.0.1")
        let client = try UDPClient(to: served.port, from: "127.0.0.78")
        for text in ["one", "two", "three"] {
            let echo = try #require(try await eachAnswer(client, text))
            #expect(echo.count == 28 + text.utf8.count)
            #expect(
                Array(echo.prefix(24))
                    == ProxyHeaderExample.signature + [0x21, 0x12, 0, 12, 127, 0, 0, 78, 127, 0, 0, 1])
            #expect(Array(echo[26..<28]) == [UInt8(served.port >> 8), UInt8(served.port & 0xFF)])
            #expect(String(decoding: echo[28...], as: UTF8.self) == text)
        }
        // A burst, which would be joined into segments without headers.
        for _ in 0..<40 { try client.send([UInt8](repeating: 7, count: 100)) }
        for _ in 0..<40 { #expect(try await client.receive()?.count == 128) }
        await served.relay.stop()
    }

    @Test("UDP, v2: a datagram that met a dead endpoint is sent again with its header")
    func resent() async throws {
        let dead = try UDPServer(.silent)
        await dead.stop()
        let server = try UDPServer(.echo())
        let served = try await ServedPort(
            Balancer(inOrder: [try .local(dead.port), try .local(server.port)]), ServicePolicy(proxyProtocol: .v2),
            transport: .udp)
        let client = try UDPClient(to: served.port)
        let echo = try #require(try await eachAnswer(client, "ask"))
        #expect(echo.count == 31 && Array(echo.prefix(12)) == ProxyHeaderExample.signature)
        #expect(String(decoding: echo[28...], as: UTF8.self) == "ask")
        await served.relay.stop()
    }

    @Test("There is no v1 for UDP: nothing is added")
    func noDatagramsInV1() async throws {
        let server = try UDPServer(.echo())
        let served = try await ServedPort(
            Balancer(inOrder: [try .local(server.port)]), ServicePolicy(proxyProtocol: .v1), transport: .udp)
        #expect(try await UDPClient(to: served.port).ask("x") == "x")
        await served.relay.stop()
    }

    private func eachAnswer(_ client: UDPClient, _ text: String) async throws -> [UInt8]? {
        try client.send(text)
        return try await client.receive()
    }
}

private enum ProxyHeaderExample {
    static let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
}
