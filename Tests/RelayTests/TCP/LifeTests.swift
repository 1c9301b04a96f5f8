import Base
import EventLoop
import Glibc
import Relay
import TestSupport
import Testing

/// What connections live through, and how the relay ends (docs/behaviour.md, B5.6, B5.9, B5.14 and B7.5).
@Suite(.timeLimit(.minutes(3))) struct LifeTests {
    @Test func anEstablishedConnectionOutlivesEverything() async throws {
        let server = try ScriptedServer.echo()
        let harness = try await RelayHarness(endpoints: [server.port])
        let steps = (0..<4).map { _ in Cue() }
        let client = try harness.client(
            .send("0"), .expect("0"), .wait(steps[0]), .send("1"), .expect("1"), .wait(steps[1]), .send("2"),
            .expect("2"),
            .wait(steps[2]), .send("3"), .expect("3"), .shutdownWrite, .receiveAll)
        #expect(await eventually { client.progress.received.count == 1 })

        let other = try ScriptedServer.identity("other")
        await harness.relay.serve(harness.id, with: RelayHarness.balancer([other.port]))
        await harness.relay.settle()
        #expect(try await harness.answer() == "other", "new connections go elsewhere")
        steps[0].give()
        #expect(await eventually { client.progress.received.count == 2 }, "it survives the removal of its endpoint")

        await harness.relay.close(harness.door)
        await harness.relay.settle()
        steps[1].give()
        #expect(await eventually { client.progress.received.count == 3 }, "it survives its door")

        await harness.relay.remove(harness.id)
        await harness.relay.settle()
        steps[2].give()
        _ = try await client.finished()
        #expect(
            await eventually { await harness.relay.settledSnapshot().total.removed.accepted > 0 },
            "and is counted in the end")
        await harness.stop()
    }

    @Test func twoThousandAtOnceAndNothingIsLeftOver() async throws {
        await #expect(processExitsWith: .success) {
            try raiseDescriptorLimit(to: 20_000)
            // libuv and the runtime open a few of their own once and for all.
            await RelayHarness.warmUp()
            let baseline = Descriptors.open()
            func crowdComesAndGoes() async throws {
                let server = try ScriptedServer.echo()
                let harness = try await RelayHarness(endpoints: [server.port], budget: DescriptorBudget(limit: 20_000))
                let crowd = try await ClientCrowd.connect(2000, to: harness.port)
                #expect(try await crowd.roundTrip("hello") == 2000)
                #expect(await harness.relay.settledSnapshot().total.open == 2000)
                crowd.close()
                #expect(await eventually { await harness.relay.settledSnapshot().total.open == 0 })
                await harness.stop()
                await server.stop()
            }
            try await crowdComesAndGoes()
            await expectDescriptorsBackTo(baseline)
        }
    }

    @Test func halfOpenConnectionsEndInSilenceNotInConversation() async throws {
        let release = Cue()
        let server = try ScriptedServer(scripts: { index in
            index == 0
                // Talks on for several limits after the client has finished.
                ? [.receiveAll] + (0..<30).flatMap { _ in [PeerStep.send("x"), .pause(.milliseconds(100))] } + [.close]
                : [.receiveAll, .wait(release), .close]
        })
        let harness = try await RelayHarness(endpoints: [server.port], workers: 1) { $0.halfOpenLimit = 1000 }
        let talking = try harness.client(.shutdownWrite, .receiveAll)
        #expect(try await talking.finished().received.count == 30)
        let silent = try harness.client(.shutdownWrite, .receiveReset)
        #expect(try await silent.finished().sawReset)
        release.give()
        await harness.stop()
        #expect(harness.records.map(\.outcome) == [.completed, .halfOpenLimit])
    }

    @Test func endpointsThatVanishAfterAHalfCloseLeakNothing() async throws {
        await #expect(processExitsWith: .success) {
            try raiseDescriptorLimit(to: 20_000)
            // libuv and the runtime open a few of their own once and for all.
            await RelayHarness.warmUp()
            let baseline = Descriptors.open()
            func wavesComeAndGo() async throws {
                let never = Cue()
                let server = try ScriptedServer(script: [.receiveAll, .wait(never)])
                let harness = try await RelayHarness(endpoints: [server.port], budget: DescriptorBudget(limit: 20_000))
                {
                    $0.halfOpenLimit = 200
                }
                for _ in 0..<3 {
                    let clients = try (0..<150).map { _ in try harness.client(.shutdownWrite, .receiveReset) }
                    for client in clients { _ = try await client.finished() }
                }
                #expect(await harness.relay.settledSnapshot().total.open == 0)
                await harness.stop()
                await server.stop()
            }
            try await wavesComeAndGo()
            await expectDescriptorsBackTo(baseline)
        }
    }

    @Test func aDrainWaitsAndServesWhoIsInTheQueue() async throws {
        let finish = Cue()
        let server = try ScriptedServer(script: [.expect("hello"), .wait(finish), .send("bye")])
        let harness = try await RelayHarness(endpoints: [server.port])
        let client = try harness.client(.send("hello"), .expect("bye"))
        #expect(await eventually { server.received == 5 })
        let queued = try (0..<50).map { _ in try harness.client(.send("hello"), .expect("bye")) }
        // They may be in the kernel's queue still, or accepted; either way they have a connection.
        #expect(await eventually { server.accepted > 0 && queued.allSatisfy { $0.progress.sent.count == 5 } })
        async let ended = harness.relay.drain(within: .seconds(60))
        finish.give()
        _ = try await client.finished()
        for client in queued { _ = try await client.finished() }
        #expect(await ended == 0)
        #expect((try? await harness.answer()) == nil, "nobody listens any more")
        await harness.stop()
    }

    @Test func aDrainEndsAtItsLimit() async throws {
        let server = try ScriptedServer.echo()
        let harness = try await RelayHarness(endpoints: [server.port])
        let client = try harness.client(.send("x"), .expect("x"), .receiveReset)
        #expect(await eventually { client.progress.received.count == 1 })
        #expect(await harness.relay.drain(within: .milliseconds(50)) == 1)
        #expect(try await client.finished().sawReset)
        await harness.stop()
        #expect(harness.records.map(\.outcome) == [.drained])
    }

    @Test func accceptingPausesWhenThereIsNoRoomAndNobodyIsLost() async throws {
        let server = try ScriptedServer.echo()
        // Room for a handful of connections.
        let budget = DescriptorBudget(limit: 64)
        let harness = try await RelayHarness(endpoints: [server.port], workers: 1, budget: budget)
        let clients = try (0..<(budget.connections * 4)).map { _ in
            try harness.client(.send("x"), .expect("x"), .pause(.milliseconds(20)), .shutdownWrite, .receiveAll)
        }
        for client in clients { _ = try await client.finished() }
        #expect(await harness.relay.settledSnapshot().total.acceptPauses > 0)
        #expect(await harness.counters.accepted == UInt64(clients.count))
        await harness.stop()
    }

    @Test func stopEndsOpenConnectionsWithAReset() async throws {
        let server = try ScriptedServer.echo()
        let harness = try await RelayHarness(endpoints: [server.port])
        let client = try harness.client(.send("x"), .expect("x"), .receiveReset)
        #expect(await eventually { client.progress.received.count == 1 })
        await harness.stop()
        #expect(try await client.finished().sawReset)
    }

    @Test func anAddressThatOthersShareIsStillInUse() async throws {
        let server = try ScriptedServer.identity("a")
        let harness = try await RelayHarness(endpoints: [server.port])
        let other = try Relay(RelayConfiguration(workers: 2, budget: DescriptorBudget(limit: 256)))
        await other.serve(harness.id, with: RelayHarness.balancer([server.port]))
        let taken = EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: harness.port)
        await #expect { _ = try await other.open(harness.id, on: taken) } throws: { error in
            (error as? SystemError)?.isAddressInUse == true && "\(error)".contains("127.0.0.1:\(harness.port)")
        }
        await other.stop()
        await harness.stop()
    }
}
