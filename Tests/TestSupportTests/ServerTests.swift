import Glibc
import TestSupport
import Testing

@Suite struct ServerTests {
    @Test func eachConnectionMayHaveItsScript() async throws {
        let server = try ScriptedServer { index in [.send("number \(index)")] }
        for index in 0..<3 {
            let client = try ScriptedPeer.connect(to: server.port, script: [.receiveAll])
            #expect(try await client.finished().received.text == "number \(index)")
        }
        #expect(server.accepted == 3)
    }

    @Test func answersHTTPRequestsOnOneConnection() async throws {
        let server = try ScriptedServer.http("pod-a\n")
        let request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n"
        let client = try ScriptedPeer.connect(
            to: server.port, script: [.send(request), .send(request), .shutdownWrite, .receiveAll])
        let text = try await client.finished().received.text
        #expect(text.components("HTTP/1.1 200 OK") == 2)
        #expect(text.hasSuffix("\r\n\r\npod-a\n"))
    }

    @Test(.requires(.ipv6Loopback)) func listensOnIPv6() async throws {
        let server = try ScriptedServer.identity("six", on: "::1")
        let client = try ScriptedPeer.connect(to: server.port, on: "::1", script: [.receiveAll])
        #expect(try await client.finished().received.text == "six")
    }

    @Test func otherLoopbackAddressesServeToo() async throws {
        let server = try ScriptedServer.identity("two", on: "127.0.0.2")
        let client = try ScriptedPeer.connect(
            to: server.port, on: "127.0.0.2", from: "127.0.0.3", script: [.receiveAll])
        #expect(try await client.finished().received.text == "two")
    }

    @Test func refusingPortRefuses() async throws {
        let port = try RefusingPort()
        let client = try ScriptedPeer.connect(to: port.port, script: [.send("x")])
        #expect(await client.report().failure?.reason.isRefused == true)
    }

    @Test func blackHoleAnswersNothingUntilItOpens() async throws {
        let hole = try BlackHole()
        let client = try ScriptedPeer.connect(to: hole.port, stepLimit: .milliseconds(500), script: [.send("x")])
        let failure = try #require(await client.report().failure)
        #expect(failure.step == "connect" && failure.reason.isTimeout)

        let patient = try ScriptedPeer.connect(to: hole.port, stepLimit: .seconds(10), script: [.send("x")])
        try await Task.sleep(for: .milliseconds(50))
        hole.open()
        // The SYN is sent again after a second, and answered then.
        #expect(try await patient.finished().sent.count == 1)
    }

    @Test func stoppedServerRefuses() async throws {
        let server = try ScriptedServer.neverReading()
        let client = try ScriptedPeer.connect(to: server.port, script: [.receiveAll])
        _ = try await server.connection(0)
        await server.stop()
        #expect(try await client.finished().sawEnd)
        let late = try ScriptedPeer.connect(to: server.port, script: [])
        #expect(await late.report().failure?.reason.isRefused == true)
    }

    @Test func twoThousandConnectionsAtOnce() async throws {
        try raiseDescriptorLimit(to: 16_384)
        let server = try ScriptedServer.echo()
        let crowd = try await ClientCrowd.connect(2000, to: server.port)
        #expect(try await crowd.roundTrip("hello") == 2000)
        #expect(server.accepted == 2000)
        crowd.close()
        await server.stop()
    }
}

@Suite struct UDPPeerTests {
    @Test func echoSaysWhoItIs() async throws {
        let server = try UDPServer(.echo(identity: "a:"))
        let client = try UDPClient(to: server.port)
        #expect(try await client.ask("x") == "a:x")
        #expect(server.arrivals.sources == [client.local: 1])
    }

    @Test func collectorAddsUp() async throws {
        let server = try UDPServer(.collect)
        let client = try UDPClient(to: server.port)
        let datagrams = (0..<20).map { BytePattern(seed: $0).prefix(100) }
        for datagram in datagrams { try client.send(datagram) }
        #expect(await eventually { server.arrivals.datagrams == 20 })
        #expect(server.arrivals.bytes == 2000)
        #expect(server.arrivals.checksum == datagrams.map(StreamChecksum.of).reduce(0, &+))
    }

    @Test func silentServerIsSilentAndAStoppedOneUnreachable() async throws {
        let server = try UDPServer(.silent)
        let client = try UDPClient(to: server.port)
        #expect(try await client.ask("x", within: .milliseconds(50)) == nil)
        await server.stop()
        try? client.send("y")
        await #expect(throws: PeerError.system("recvfrom", errno: ECONNREFUSED)) { try await client.receive() }
    }
}

extension String {
    fileprivate func components(_ part: String) -> Int { ranges(of: part).count }
}
