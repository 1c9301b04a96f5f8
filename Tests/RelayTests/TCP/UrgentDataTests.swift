import Glibc
import TestSupport
import Testing

@testable import Relay

/// Urgent data (MSG_OOB): the mark may be lost, no byte may, and nothing hangs.
@Suite(.timeLimit(.minutes(2))) struct UrgentDataTests {
    /// Sizes around those of the relay's reads, so that the marked byte is the first, the last, or in the middle of one.
    @Test(arguments: [1, 2, 1000, 65_535, 65_536, 65_537, 300_000], [true, false])
    func everyByteArrivesInItsPlace(piece: Int, upwards: Bool) async throws {
        let size = min(400 * piece, 8 << 20)
        // The last byte of all is marked too, and the end follows at once.
        let sending: [PeerStep] = [.sendUrgently(count: size, seed: 4, piece: piece), .shutdownWrite, .receiveAll]
        let receiving: [PeerStep] = [.expectPattern(count: size, seed: 4), .receiveAll, .shutdownWrite]
        let server = try ScriptedServer(script: upwards ? receiving : sending)
        let harness = try await RelayHarness(endpoints: [server.port])
        let client = try ScriptedPeer.connect(to: harness.port, script: upwards ? sending : receiving)
        _ = try await client.finished()
        _ = try await server.connection(0).finished()
        await harness.stop()
        #expect(harness.records.map(\.outcome) == [.completed])
    }

    /// In the midst of a stream that is spliced, with the end right behind the last mark.
    @Test(arguments: [true, false])
    func aStreamGoesOnBehindTheMark(upwards: Bool) async throws {
        let size = 16 << 20
        let sending: [PeerStep] =
            (1...4).flatMap { seed in
                [PeerStep.sendPattern(count: size, seed: seed), .sendUrgently(count: 3, seed: seed, piece: 3)]
            } + [.shutdownWrite, .receiveAll]
        let receiving: [PeerStep] =
            (1...4).flatMap { seed in
                [PeerStep.expectPattern(count: size, seed: seed), .expectPattern(count: 3, seed: seed)]
            } + [.receiveAll, .shutdownWrite]
        let server = try ScriptedServer(script: upwards ? receiving : sending)
        let harness = try await RelayHarness(endpoints: [server.port])
        let client = try ScriptedPeer.connect(to: harness.port, script: upwards ? sending : receiving)
        _ = try await client.finished()
        _ = try await server.connection(0).finished()
        #expect(await harness.relay.settledSnapshot().total.splicedBytes > 0)
        await harness.stop()
        #expect(harness.records.map(\.outcome) == [.completed])
    }

    /// A lone urgent byte, as telnet's interrupt, is there at once and not with the next one.
    @Test func anUrgentByteWaitsForNoOther() async throws {
        let server = try ScriptedServer.echo()
        let harness = try await RelayHarness(endpoints: [server.port])
        let round: [PeerStep] = [.sendUrgently(count: 1, seed: 1, piece: 1), .expectPattern(count: 1, seed: 1)]
        let client = try ScriptedPeer.connect(
            to: harness.port, script: (0..<20).flatMap { _ in round } + [.shutdownWrite, .receiveAll])
        _ = try await client.finished()
        await harness.stop()
    }

    /// The kernel drops an urgent byte that was not read when the next one comes, unless it was told not to.
    @Test(arguments: [true, false])
    func oneThatWaitsIsNotLostToTheNext(upwards: Bool) async throws {
        let (go, sent) = (Cue(), Cue())
        let sending: [PeerStep] = [
            .send("x"), .expect("x"), .wait(go), .sendUrgently(count: 3, seed: 1, piece: 1), .pause(.milliseconds(200)),
            .give(sent), .receiveAll,
        ]
        let receiving: [PeerStep] = [.expect("x"), .send("x"), .expectPattern(count: 3, seed: 1)]
        let server = try ScriptedServer(script: upwards ? receiving : sending)
        let worker = try LoneWorker()
        let port = try worker.open(endpoints: [server.port])
        try worker.run()
        let client = try ScriptedPeer.connect(to: port, script: upwards ? sending : receiving)
        #expect(await eventually { client.progress.received.count == 1 && server.received == 1 })
        // The worker reads nothing meanwhile.
        let isSent = try await worker.perform { _ in
            go.give()
            for _ in 0..<2000 where !sent.isGiven { usleep(10_000) }
            return sent.isGiven
        }
        #expect(isSent)
        _ = try await client.finished()
        _ = try await server.connection(0).finished()
        worker.stop()
    }

    /// Where there are no pipes, streams are copied in reads that follow each other without an event.
    @Test(arguments: [true, false])
    func aStreamThatIsCopiedKeepsItsBytesToo(upwards: Bool) async throws {
        let size = 16 << 20
        let sending: [PeerStep] = [.sendUrgently(count: size, seed: 6, piece: 9973), .shutdownWrite, .receiveAll]
        let receiving: [PeerStep] = [.expectPattern(count: size, seed: 6), .receiveAll, .shutdownWrite]
        let server = try ScriptedServer(script: upwards ? receiving : sending)
        // So few descriptors that none are left for pipes.
        let harness = try await RelayHarness(endpoints: [server.port], budget: DescriptorBudget(limit: 15))
        let client = try ScriptedPeer.connect(to: harness.port, script: upwards ? sending : receiving)
        _ = try await client.finished()
        #expect(await harness.relay.settledSnapshot().total.splicedBytes == 0)
        await harness.stop()
    }
}
