import Balancing
import Base
import Foundation
import Glibc
import Relay
import TestSupport
import Testing

/// Bytes arrive as they were sent, whatever ends first (docs/behaviour.md, B5.5 and B5.6).
@Suite(.timeLimit(.minutes(3))) struct CarryingTests {
    private let gigabyte = 1 << 30

    @Test func connectionsGoRoundOverWorkersAndEndpoints() async throws {
        let servers = try ["a", "b", "c"].map { try ScriptedServer.identity($0) }
        let harness = try await RelayHarness(endpoints: servers.map(\.port))
        var answers: [String] = []
        for _ in 0..<30 { answers.append(try await harness.answer()) }
        #expect(Array(answers.prefix(3)) == ["a", "b", "c"])
        #expect(["a", "b", "c"].map { name in answers.count { $0 == name } } == [10, 10, 10])
        #expect(await harness.counters.accepted == 30)
        await harness.stop()
    }

    @Test func theClientMayFinishFirst() async throws {
        let server = try ScriptedServer(script: [.receiveAll, .send("late answer"), .close])
        let harness = try await RelayHarness(endpoints: [server.port])
        let client = try harness.client(.send("question"), .shutdownWrite, .receiveAll)
        #expect(try await client.finished().received.text == "late answer")
        #expect(try await server.connection(0).finished().received.text == "question")
        await harness.stop()
    }

    @Test func theServerMayFinishFirst() async throws {
        let server = try ScriptedServer(script: [.send("greeting"), .shutdownWrite, .receiveAll])
        let harness = try await RelayHarness(endpoints: [server.port])
        let client = try harness.client(.receiveAll, .send("afterthought"), .shutdownWrite)
        #expect(try await client.finished().received.text == "greeting")
        #expect(try await server.connection(0).finished().received.text == "afterthought")
        await harness.stop()
    }

    @Test(arguments: [true, false])
    func aGibibyteAfterAHalfCloseIsSplicedAndIntact(upwards: Bool) async throws {
        let bulk: [PeerStep] = [.receiveAll, .sendPattern(count: gigabyte, seed: 7), .shutdownWrite]
        let sink: [PeerStep] = [.shutdownWrite, .expectPattern(count: gigabyte, seed: 7), .receiveAll]
        let server = try ScriptedServer(stepLimit: .seconds(120), script: upwards ? sink : bulk)
        let harness = try await RelayHarness(endpoints: [server.port])
        let client = try ScriptedPeer.connect(
            to: harness.port, stepLimit: .seconds(120), script: upwards ? bulk : sink)
        _ = try await client.finished()
        _ = try await server.connection(0).finished()
        let total = await harness.relay.settledSnapshot().total
        #expect(total.splicedBytes > UInt64(gigabyte) / 2, "a stream of this size goes through a pipe")
        #expect(await eventually { await harness.relay.settledSnapshot().total.pipesLent == 0 })
        let counters = await harness.counters
        #expect((upwards ? counters.bytesUp : counters.bytesDown) == UInt64(gigabyte))
        await harness.stop()
    }

    @Test func streamsCrossEachOther() async throws {
        let size = 64 << 20
        let both: [PeerStep] = [
            .meanwhile([.expectPattern(count: size, seed: 1), .receiveAll]), .sendPattern(count: size, seed: 1),
            .shutdownWrite,
        ]
        let server = try ScriptedServer(script: both)
        let harness = try await RelayHarness(endpoints: [server.port])
        let clients = try (0..<4).map { _ in try ScriptedPeer.connect(to: harness.port, script: both) }
        for client in clients { _ = try await client.finished() }
        await harness.stop()
    }

    /// Sizes around every boundary of the relay, in random mixtures of streams and small messages.
    @Test(arguments: 0..<8 as Range<UInt64>)
    func anyMixtureOfMessagesArrivesAsItWasSent(seed: UInt64) async throws {
        var random = SeededGenerator(seed: seed)
        let sizes = [1, 100, 1448, 4096, 65_535, 65_536, 65_537, 131_072, 262_144, 262_145, 1_000_000]
        let echo = try ScriptedServer.echo()
        let harness = try await RelayHarness(endpoints: [echo.port])
        // One message at a time, each answered before the next: the two threads of a script would overlap otherwise.
        var plain: [PeerStep] = []
        for step in 0..<40 {
            let size = min(sizes.randomElement(using: &random) ?? 1, 65_537)
            plain.append(.sendPattern(count: size, seed: UInt64(step)))
            plain.append(.expectPattern(count: size, seed: UInt64(step)))
        }
        let client = try ScriptedPeer.connect(to: harness.port, script: plain + [.shutdownWrite, .receiveAll])
        _ = try await client.finished()
        await harness.stop()
    }

    @Test func aSlowReaderHoldsUpItsSenderAndNobodyElse() async throws {
        let release = Cue()
        // More than all the kernel's buffers on the way hold together, however large they may grow here.
        let size = try 2 * largestSocketBuffers() + (8 << 20)
        let slow = try ScriptedServer(
            options: SocketOptions(receiveBuffer: 65_536), stepLimit: .seconds(120),
            script: [.wait(release), .expectPattern(count: size, seed: 3)])
        let quick = try ScriptedServer.echo()
        let harness = try await RelayHarness(endpoints: [slow.port], workers: 1)
        let bulk = try ScriptedPeer.connect(
            to: harness.port, stepLimit: .seconds(120), script: [.sendPattern(count: size, seed: 3), .shutdownWrite])
        // The sender gets stuck with most of its bytes still its own: that is the back-pressure.
        var last = -1
        #expect(
            await eventually(within: .seconds(20), every: .milliseconds(200)) {
                let sent = bulk.progress.sent.count
                defer { last = sent }
                return sent > 0 && sent == last
            })
        #expect(bulk.progress.sent.count < size)
        // The endpoint is stuck for this client only: the worker serves others as if nothing were.
        await harness.relay.serve(harness.id, with: RelayHarness.balancer([quick.port]))
        await harness.relay.settle()
        for _ in 0..<20 { _ = try await harness.client(.send("x"), .expect("x")).finished() }
        release.give()
        _ = try await bulk.finished()
        #expect(try await slow.connection(0).finished().received.count == size)
        await harness.stop()
    }

    @Test func anIdleConnectionHoldsNoPipe() async throws {
        let size = 8 << 20
        let server = try ScriptedServer.echo()
        let harness = try await RelayHarness(endpoints: [server.port])
        let done = Cue()
        let client = try harness.client(
            .meanwhile([.expectPattern(count: size, seed: 5)]), .sendPattern(count: size, seed: 5), .wait(done))
        #expect(await eventually { client.progress.received.count == size })
        let total = await harness.relay.settledSnapshot().total
        #expect(total.open == 1)
        #expect(total.pipesLent == 0)
        done.give()
        _ = try await client.finished()
        await harness.stop()
    }

    @Test(.requires(.ipv6Loopback)) func doorsAndEndpointsMayBeIPv6() async throws {
        let server = try ScriptedServer.identity("six", on: "::1")
        let relay = try Relay(RelayConfiguration(workers: 1, budget: DescriptorBudget(limit: 256)))
        let id = ServicePortID(ServicePortName(namespace: "default", service: "v6"), .tcp)
        let address = try #require(EndpointAddress("[::1]:\(server.port)"))
        await relay.serve(id, with: Balancer(inOrder: [Endpoint(address)]))
        let opened = try await relay.open(id, on: EndpointAddress(ip: IPAddress(v6High: 0, low: 1), port: 0))
        let client = try ScriptedPeer.connect(to: opened.address.port, on: "::1", script: [.receiveAll])
        #expect(try await client.finished().received.text == "six")
        #expect(await relay.stop())
    }

    /// What a TCP socket may buffer in both directions on this machine, in bytes.
    private func largestSocketBuffers() throws -> Int {
        try ["tcp_rmem", "tcp_wmem"].map { name in
            let text = try String(contentsOf: URL(filePath: "/proc/sys/net/ipv4/\(name)"), encoding: .utf8)
            return try #require(text.split(whereSeparator: \.isWhitespace).last.flatMap { Int($0) })
        }.reduce(0, +)
    }
}
