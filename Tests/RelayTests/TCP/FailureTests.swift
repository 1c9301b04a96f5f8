import Balancing
import Base
import Glibc
import Relay
import TestSupport
import Testing

/// Resets, refusals and black holes (docs/behaviour.md, B5.2 and B5.7).
@Suite(.timeLimit(.minutes(2))) struct FailureTests {
    @Test func aResetByTheClientReachesTheEndpoint() async throws {
        let server = try ScriptedServer(script: [.expect("hello"), .receiveReset])
        let harness = try await RelayHarness(endpoints: [server.port])
        let ready = Cue()
        let client = try harness.client(.send("hello"), .wait(ready), .reset)
        #expect(await eventually { server.received == 5 })
        ready.give()
        _ = try await client.finished()
        #expect(try await server.connection(0).finished().sawReset)
        await harness.stop()
        #expect(harness.records.map(\.outcome) == [.clientReset])
    }

    @Test func aResetByTheEndpointReachesTheClient() async throws {
        let server = try ScriptedServer(script: [.expect("hello"), .reset])
        let harness = try await RelayHarness(endpoints: [server.port])
        let client = try harness.client(.send("hello"), .receiveReset)
        #expect(try await client.finished().sawReset)
        await harness.stop()
        #expect(harness.records.map(\.outcome) == [.endpointReset])
    }

    @Test(arguments: [true, false])
    func aResetInTheMidstOfAStreamIsAReset(byClient: Bool) async throws {
        let enough = 32 << 20
        let breaks: [PeerStep] = [.expect(enough), .reset]
        let streams: [PeerStep] = [.sendUntilReset]
        let server = try ScriptedServer(script: byClient ? streams : breaks)
        let harness = try await RelayHarness(endpoints: [server.port])
        let client = try ScriptedPeer.connect(to: harness.port, script: byClient ? breaks : streams)
        _ = try await client.finished()
        _ = try await server.connection(0).finished()
        #expect(await eventually { await harness.relay.settledSnapshot().total.open == 0 })
        let total = await harness.relay.settledSnapshot().total
        #expect(total.splicedBytes > 0)
        #expect(total.pipesLent == 0, "a pipe with bytes of a dead stream is closed, not lent again")
        await harness.stop()
    }

    @Test func aStreamAfterABrokenOneIsIntact() async throws {
        let size = 64 << 20
        let server = try ScriptedServer(scripts: { index in
            index < 4 ? [.expect(16 << 20), .reset] : [.expectPattern(count: size, seed: 9), .send("ok")]
        })
        let harness = try await RelayHarness(endpoints: [server.port], workers: 1)
        for _ in 0..<4 { _ = try await harness.client(.sendUntilReset).finished() }
        let client = try harness.client(.sendPattern(count: size, seed: 9), .expect("ok"))
        _ = try await client.finished()
        await harness.stop()
    }

    @Test func anAnswerBeforeAResetIsStillDelivered() async throws {
        // A server that refuses an upload early: it answers, and closes with the rest unread, which is a reset.
        let server = try ScriptedServer(script: [
            .expect(1000), .send("413 too large"), .pause(.milliseconds(50)), .reset,
        ])
        let harness = try await RelayHarness(endpoints: [server.port])
        let client = try harness.client(.sendPattern(count: 1000, seed: 1), .expect("413 too large"), .receiveReset)
        _ = try await client.finished()
        await harness.stop()
    }

    /// The first call on a broken socket is told of the reset, the next one is not: here that is a write to the endpoint, after
    /// which a read from it looks like an orderly end.
    @Test func aResetThatAWriteMeetsIsNoEnd() async throws {
        let (size, ready) = (4 << 20, Cue())
        let server = try ScriptedServer(
            options: .tiny, script: [.send("half of "), .wait(ready), .reset])
        let harness = try await RelayHarness(endpoints: [server.port])
        // More than the endpoint takes, and no more than the kernel takes for the relay: the client is done with sending.
        let client = try harness.client(.expect("half of "), .sendPattern(count: size, seed: 2), .receiveReset)
        #expect(await eventually { client.progress.sent.count == size })
        let before = await harness.counters
        #expect(before.bytesUp < size, "the relay has nothing to write")
        ready.give()
        #expect(try await client.finished().sawReset)
        await harness.stop()
        #expect(harness.records.map(\.outcome) == [.endpointReset])
    }

    @Test func oneRefusingEndpointCostsNoClientAnything() async throws {
        let dead = try RefusingPort()
        let live = try ScriptedServer.identity("live")
        let harness = try await RelayHarness(endpoints: [dead.port, live.port])
        for _ in 0..<20 { #expect(try await harness.answer() == "live") }
        // The first client met it, and the penalty kept most others away: without one, every second would have met it.
        #expect((1...5).contains(harness.dialFailures.count))
        #expect(harness.dialFailures.allSatisfy { $0.code == ECONNREFUSED })
        await harness.stop()
    }

    @Test func aBlackHoleDelaysOnlyWhoIsDiallingIt() async throws {
        let hole = try BlackHole()
        let live = try ScriptedServer.identity("live")
        let harness = try await RelayHarness(endpoints: [hole.port, live.port], workers: 1)
        let unlucky = try harness.client(.receiveAll)
        // While its dial hangs, all others on the same worker go through; round robin gives every second one the hole.
        let others = try (0..<20).map { _ in try harness.client(.receiveAll) }
        for other in others + [unlucky] { #expect(try await other.finished().received.text == "live") }
        #expect(harness.dialFailures.allSatisfy { $0.attempt == 1 && $0.limit == 250 && $0.code == ETIMEDOUT })
        // During the penalty nobody is sent there; without one, it would be every second.
        let before = harness.dialFailures.count
        for _ in 0..<20 { #expect(try await harness.answer() == "live") }
        #expect(harness.dialFailures.count - before <= 5)
        await harness.stop()
    }

    @Test func whenAllRefuseTheClientIsResetAfterFourAttempts() async throws {
        let dead = try [RefusingPort(), RefusingPort()]
        let harness = try await RelayHarness(endpoints: dead.map(\.port))
        #expect(try await harness.isReset())
        #expect(harness.dialFailures.map(\.attempt) == [1, 2, 3, 4])
        #expect(
            Set(harness.dialFailures.map(\.endpoint.address.port)).count == 2, "each attempt takes the next endpoint")
        #expect(await harness.counters.refused == 1)
        await harness.stop()
        #expect(harness.records.map(\.outcome) == [.unreachable])
    }

    @Test func whenAllAreBlackHolesTheLimitsAreThoseOfTheSpecification() async throws {
        let hole = try BlackHole()
        let harness = try await RelayHarness(endpoints: [hole.port])
        #expect(try await harness.isReset())
        #expect(harness.dialFailures.map(\.limit) == [250, 500, 1000, 2000])
        #expect(harness.dialFailures.allSatisfy { $0.code == ETIMEDOUT })
        await harness.stop()
        let record = try #require(harness.records.first)
        #expect(record.attempts == 4)
        #expect(record.milliseconds >= 3750)
    }

    @Test func withoutAnEndpointTheClientIsResetAtOnce() async throws {
        let harness = try await RelayHarness(endpoints: [])
        #expect(try await harness.isReset())
        await harness.stop()
        #expect(harness.records.map(\.outcome) == [.noEndpoint])
    }

    @Test func aClientThatLeavesWhileDiallingIsForgotten() async throws {
        let hole = try BlackHole()
        let harness = try await RelayHarness(endpoints: [hole.port])
        let go = Cue()
        let client = try harness.client(.wait(go), .reset)
        #expect(await eventually { await harness.relay.settledSnapshot().total.open == 1 })
        go.give()
        _ = try await client.finished()
        #expect(await eventually { await harness.relay.settledSnapshot().total.open == 0 })
        await harness.stop()
        #expect(harness.records.map(\.outcome) == [.abandoned])
    }

    @Test func bytesSentWhileDiallingReachTheEndpointThatAnswers() async throws {
        let hole = try BlackHole()
        let server = try ScriptedServer.echo()
        let harness = try await RelayHarness(endpoints: [hole.port, server.port])
        let client = try harness.client(.send("early"), .shutdownWrite, .receiveAll)
        #expect(try await client.finished().received.text == "early")
        await harness.stop()
    }

    @Test func anAddressThatRefusesAtOnceIsAFailedAttempt() async throws {
        // The broadcast address: no connection is even begun.
        let nowhere = Endpoint(EndpointAddress(ip: IPAddress(v4: 0xFFFF_FFFF), port: 1))
        let live = try ScriptedServer.identity("live")
        let harness = try await RelayHarness(endpoints: [])
        let there = Endpoint(EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: live.port))
        await harness.relay.serve(harness.id, with: Balancer(inOrder: [nowhere, there]))
        await harness.relay.settle()
        for _ in 0..<4 { #expect(try await harness.answer() == "live") }
        #expect(harness.dialFailures.map(\.endpoint.address.port).contains(1))
        await harness.stop()
    }

    /// All ports towards one endpoint are taken (EADDRNOTAVAIL), and those towards another are not.
    @Test(.requires(.root, .networkNamespaces, .tool("ip")))
    func anEndpointThatNoPortIsLeftForGivesWayToAnother() async throws {
        let ports = 40_000...40_009 as ClosedRange<UInt16>
        let events = Locked<[DialFailure]>([])
        // The relay dials from a network that has so few ports; its door is in the usual one, where the clients are.
        let (relay, full, other) = try await OwnResources.inOwnNetwork(ports: ports) {
            let configuration = RelayConfiguration(workers: 1, budget: DescriptorBudget(limit: 4096))
            let relay = try Relay(configuration) { event in
                if case .dialFailed(let failure) = event { events.withLock { $0.append(failure) } }
            }
            let other = try ScriptedServer(port: 81, script: [.send("other"), .shutdownWrite, .receiveAll])
            return (relay, try ScriptedServer(port: 80, script: [.echo]), other)
        }
        let id = ServicePortID(ServicePortName(namespace: "default", service: "web"), .tcp)
        await relay.serve(id, with: RelayHarness.balancer([full.port]))
        let loopback = EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: 0)
        let door = try await relay.open(id, on: loopback).address.port
        let leave = Cue()
        let staying = try ports.map { _ in
            try ScriptedPeer.connect(to: door, script: [.send("x"), .expect("x"), .wait(leave)])
        }
        #expect(await eventually { staying.allSatisfy { $0.progress.received.count == 1 } })

        await relay.serve(id, with: RelayHarness.balancer([full.port, other.port]))
        await relay.settle()
        for _ in 0..<4 {
            let client = try ScriptedPeer.connect(to: door, script: [.receiveAll])
            #expect(try await client.finished().received.text == "other")
        }
        let failures = events.withLock { $0 }
        #expect(!failures.isEmpty)
        #expect(failures.allSatisfy { $0.code == EADDRNOTAVAIL && $0.endpoint.address.port == full.port })
        leave.give()
        for client in staying { _ = try await client.finished() }
        #expect(await relay.stop())
    }
}
