import Balancing
import Base
import Relay
import TestSupport
import Testing

/// Datagrams through a relay on loopback (docs/behaviour.md, B6).
@Suite(.timeLimit(.minutes(2))) struct DatagramTests {
    @Test("Clients have flows of their own, in turn") func clientsHaveFlowsOfTheirOwn() async throws {
        let servers = try ["a", "b"].map { try UDPServer(.echo(identity: $0)) }
        let harness = try await UDPHarness(servers.map(\.port))
        let clients = try (0..<4).map { _ in try UDPClient(to: harness.port) }
        var answers: [String] = []
        for client in clients { answers.append(try await client.ask("1") ?? "") }
        #expect(answers.sorted() == ["a1", "a1", "b1", "b1"])
        // A flow stays with its endpoint.
        for (client, first) in zip(clients, answers) { #expect(try await client.ask("1") == first) }
        #expect(await harness.counters.open == 4)
        #expect(await harness.relay.stop())
    }

    @Test("Silent flows end") func silentFlowsEnd() async throws {
        let server = try UDPServer()
        let harness = try await UDPHarness([server.port], udpTimeout: 100)
        #expect(try await UDPClient(to: harness.port).ask("x") == "x")
        #expect(await eventually { await harness.counters.open == 0 })
        #expect(await harness.relay.stop())
    }

    @Test("A flow moves when its endpoint goes") func aFlowMovesWhenItsEndpointGoes() async throws {
        let old = try UDPServer(.echo(identity: "old "))
        let new = try UDPServer(.echo(identity: "new "))
        let harness = try await UDPHarness([old.port])
        let client = try UDPClient(to: harness.port)
        #expect(try await client.ask("x") == "old x")
        await harness.change(to: [new.port])
        #expect(try await client.ask("x") == "new x")
        #expect(await harness.relay.stop())
    }

    @Test("A flow that the reserve has stays when the reserve changes and its endpoint does not")
    func aFlowOfTheReserveStays() async throws {
        func told(_ ports: UInt16...) -> [ServiceEndpoint] {
            ports.map { ServiceEndpoint(address: EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: $0)) }
        }
        let gone = try UDPServer()
        let dead = gone.port
        await gone.stop()
        let (server, other) = (try UDPServer(), try UDPServer(.echo(identity: "other ")))
        let balancer = Balancer(of: told(dead), reserve: told(server.port))
        let harness = try await UDPHarness(balancer, udpTimeout: 60_000)
        let client = try UDPClient(to: harness.port)
        #expect(try await client.ask("x") == "x")
        await harness.relay.serve(
            UDPHarness.id, with: balancer.updated(with: told(dead), reserve: told(server.port, other.port)))
        await harness.relay.settle()
        #expect(try await client.ask("y") == "y")
        #expect(server.arrivals.sources.count == 1, "the same flow")
        #expect(await harness.relay.stop())
    }

    @Test("Any size passes unchanged", arguments: [0, 1, 1472, 9000, 65_507])
    func anySizePassesUnchanged(size: Int) async throws {
        let server = try UDPServer()
        let harness = try await UDPHarness([server.port])
        let client = try UDPClient(to: harness.port)
        let bytes = BytePattern(seed: 3).prefix(size)
        try client.send(bytes)
        #expect(try await client.receive() == bytes)
        #expect(await harness.relay.stop())
    }

    @Test("Answers come from the address that was asked", arguments: ["127.0.0.1", "127.0.0.2", "127.9.9.9"])
    func answersComeFromTheAddressThatWasAsked(host: String) async throws {
        let server = try UDPServer()
        let harness = try await UDPHarness([server.port], on: IPAddress(v4: 0))
        #expect(try await UDPClient(to: harness.port, on: host).ask("x") == "x", "a connected client hears nobody else")
        #expect(await harness.relay.stop())
    }

    @Test func aDeadEndpointCostsNoClientAnything() async throws {
        let gone = try UDPServer()
        let dead = gone.port
        await gone.stop()
        let live = try UDPServer()
        let harness = try await UDPHarness([dead, live.port])
        for _ in 0..<6 { #expect(try await UDPClient(to: harness.port).ask("x") == "x") }
        #expect(await harness.counters.dialFailures > 0)
        #expect(await harness.relay.stop())
    }

    /// A flood at a service port of which nobody is left costs no more than one attempt for each endpoint.
    @Test(arguments: 1...2) func noEndpointIsAskedTwiceForOneDatagram(endpoints: Int) async throws {
        var dead: [UInt16] = []
        for _ in 0..<endpoints {
            let gone = try UDPServer()
            dead.append(gone.port)
            await gone.stop()
        }
        let harness = try await UDPHarness(dead, workers: 1)
        let client = try UDPClient(to: harness.port)
        try client.send("x")
        #expect(await eventually { await harness.counters.dialFailures >= endpoints })
        // More of them would follow at once.
        #expect(try await client.receive(within: .milliseconds(300)) == nil)
        #expect(await harness.counters.dialFailures == endpoints)
        #expect(await harness.relay.stop())
    }

    @Test func withoutAnEndpointDatagramsAreDroppedAndCounted() async throws {
        let harness = try await UDPHarness([])
        let client = try UDPClient(to: harness.port)
        try client.send("x")
        #expect(await eventually { await harness.counters.dropped == 1 })
        let server = try UDPServer()
        await harness.change(to: [server.port])
        #expect(try await client.ask("y") == "y")
        #expect(await harness.relay.stop())
    }

    @Test func aBurstArrivesInOrder() async throws {
        let server = try UDPServer()
        let harness = try await UDPHarness([server.port])
        let client = try UDPClient(to: harness.port)
        let sent = (0..<100).map { number in Array("\(number)".utf8) + [UInt8](repeating: 7, count: number % 5 * 100) }
        for bytes in sent { try client.send(bytes) }
        for bytes in sent { #expect(try await client.receive() == bytes) }
        let counters = await harness.counters
        #expect(counters.datagramsUp == 100 && counters.datagramsDown == 100 && counters.dropped == 0)
        #expect(await harness.relay.stop())
    }
}
