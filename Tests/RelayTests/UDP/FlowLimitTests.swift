import Balancing
import Base
import EventLoop
import Relay
import TestSupport
import Testing

/// What happens to flows where there is no room for all of them, or no way to an endpoint
/// (docs/behaviour.md, B6.4 and B6.6).
@Suite(.timeLimit(.minutes(2))) struct FlowLimitTests {
    /// One worker with room for six flows, five of them for one service port.
    private func cramped(_ balancer: Balancer) async throws -> UDPHarness {
        try await UDPHarness(balancer, workers: 1, descriptors: 64)
    }

    @Test func theFlowThatWasSilentForLongestGivesWay() async throws {
        let server = try UDPServer()
        let harness = try await cramped(UDPHarness.balancer([server.port]))
        let clients = try (0..<5).map { _ in try UDPClient(to: harness.port) }
        for client in clients { #expect(try await client.ask("x") == "x") }
        let sources = server.arrivals.sources.count
        // The first one speaks again, so the second is now the one that was silent for longest.
        #expect(try await clients[0].ask("y") == "y")
        let sixth = try UDPClient(to: harness.port)
        #expect(try await sixth.ask("x") == "x")
        #expect(await harness.counters.open == 5)
        #expect(await harness.relay.settledSnapshot().total.flowsEvicted == 1)
        // Whose flow is still there keeps its socket towards the endpoint.
        #expect(server.arrivals.sources.count == sources + 1)
        for client in [clients[0]] + clients[2...] { #expect(try await client.ask("z") == "z") }
        #expect(server.arrivals.sources.count == sources + 1)
        #expect(try await clients[1].ask("z") == "z", "it gets another flow")
        #expect(server.arrivals.sources.count == sources + 2)
        #expect(await harness.relay.stop())
    }

    @Test("That flows had to make room is told, and once, however many they are")
    func evictionsAreTold() async throws {
        let server = try UDPServer()
        let told = Locked<[ServicePortID]>([])
        let harness = try await UDPHarness(
            UDPHarness.balancer([server.port]), workers: 1, descriptors: 64,
            report: { if case .flowsEvicted(let port) = $0 { told.withLock { $0.append(port) } } })
        let clients = try (0..<20).map { _ in try UDPClient(to: harness.port) }
        for client in clients.prefix(5) { #expect(try await client.ask("x") == "x") }
        #expect(told.withLock { $0 }.isEmpty)
        for client in clients { try client.send("x") }
        #expect(await eventually { await harness.relay.settledSnapshot().total.flowsEvicted >= 15 })
        #expect(Set(told.withLock { $0 }) == [UDPHarness.id])
        #expect(told.withLock { $0.count } < 15)
        #expect(await harness.relay.stop())
    }

    @Test func whoIsAnsweredSurvivesAFlood() async throws {
        let server = try UDPServer(.echoQuestions)
        let harness = try await cramped(UDPHarness.balancer([server.port]))
        let clients = try (2...4).map { try UDPClient(to: harness.port, from: "127.0.0.\($0)") }
        for client in clients {
            // Twice, or their exchanges would be over, and end by themselves soon.
            for _ in 0..<2 { #expect(try await client.ask("x?") == "x?") }
        }
        let known = server.arrivals.sources.keys
        let flood = try (10..<60).map { try UDPClient(to: harness.port, from: "127.0.0.\($0)") }
        for client in flood { try client.send("x") }
        #expect(await eventually { await harness.counters.datagramsUp == 56 })
        for client in clients { #expect(try await client.ask("y?") == "y?") }
        // The relay's workers send side by side, so what was sent earlier may come later. And the kernel may give the port of a flow that
        // has made room to another, so how many ports there are says nothing.
        #expect(await eventually { server.arrivals.datagrams == clients.count * 3 + flood.count })
        let sources = server.arrivals.sources
        #expect(known.count == clients.count && known.allSatisfy { sources[$0] == 3 }, "by the flows that they had")
        #expect(await harness.relay.stop())
    }

    /// Flows that give way within one batch have sent what they had in it.
    @Test func moreClientsThanFlowsLoseNothing() async throws {
        let server = try UDPServer(.collect)
        let harness = try await cramped(UDPHarness.balancer([server.port]))
        let clients = try (0..<40).map { _ in try UDPClient(to: harness.port) }
        for round in 0..<10 {
            for client in clients {
                try client.send("a\(round)")
                try client.send("b\(round)")
            }
            #expect(await eventually { server.arrivals.datagrams == (round + 1) * clients.count * 2 })
        }
        let counters = await harness.counters
        #expect(counters.datagramsUp == UInt64(20 * clients.count))
        #expect(counters.dropped == 0)
        #expect(counters.open <= 5)
        #expect(await harness.relay.stop())
    }

    @Test func oneServicePortCannotCrowdOutAnother() async throws {
        let server = try UDPServer()
        let harness = try await cramped(UDPHarness.balancer([server.port]))
        let other = ServicePortID(ServicePortName(namespace: "default", service: "quiet"), .udp)
        await harness.relay.serve(other, with: UDPHarness.balancer([server.port]))
        let quiet = try await harness.relay.open(other, on: EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: 0))
        #expect(try await UDPClient(to: quiet.address.port).ask("x") == "x")
        for _ in 0..<20 { #expect(try await UDPClient(to: harness.port).ask("x") == "x") }
        let snapshot = await harness.relay.settledSnapshot()
        #expect(snapshot.ports[other]?.open == 1)
        #expect(snapshot.ports[UDPHarness.id]?.open == 4)
        #expect(await harness.relay.stop())
    }

    /// The kernel refuses at once to send to the broadcast address, as it does where there is no route.
    @Test func anEndpointWithoutAWayIsPassedOver() async throws {
        let server = try UDPServer()
        let nowhere = EndpointAddress(ip: IPAddress(v4: 0xFFFF_FFFF), port: 9)
        let here = EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: server.port)
        let harness = try await cramped(Balancer(inOrder: [Endpoint(nowhere), Endpoint(here)]))
        let clients = try (0..<3).map { _ in try UDPClient(to: harness.port) }
        for client in clients { #expect(try await client.ask("x") == "x") }
        let counters = await harness.counters
        #expect(counters.dialFailures > 0)
        #expect(counters.open == 3)
        #expect(await harness.relay.settledSnapshot().total.flowsEvicted == 0, "nobody else has to pay for that")
        #expect(await harness.relay.stop())
    }

    @Test func withoutAWayToAnyEndpointDatagramsAreCounted() async throws {
        let nowhere = EndpointAddress(ip: IPAddress(v4: 0xFFFF_FFFF), port: 9)
        let harness = try await cramped(Balancer(inOrder: [Endpoint(nowhere)]))
        let client = try UDPClient(to: harness.port)
        for _ in 0..<3 { try client.send("x") }
        #expect(await eventually { await harness.counters.dropped == 3 })
        #expect(await harness.counters.open == 0)
        #expect(await harness.relay.stop())
    }
}
