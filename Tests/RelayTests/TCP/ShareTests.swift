import Balancing
import Base
import EventLoop
import TestSupport
import Testing

@testable import Relay

/// One service port that wants more than its share costs no other anything: it waits, by itself.
@Suite(.timeLimit(.minutes(3))) struct ShareTests {
    /// A relay with the descriptors of an ordinary process, and two service ports.
    private final class Neighbours: Sendable {
        let relay: Relay
        let hog: (id: ServicePortID, port: UInt16)
        let quiet: (id: ServicePortID, port: UInt16)
        private let told = Locked<[RelayEvent]>([])

        init(
            hog hogs: [UInt16], quiet: [UInt16], workers: Int = 2, policy: ServicePolicy = ServicePolicy()
        ) async throws {
            let told = told
            relay = try Relay(RelayConfiguration(workers: workers, budget: DescriptorBudget(limit: 1024))) { event in
                told.withLock { $0.append(event) }
            }
            let loopback = EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: 0)
            func open(
                _ relay: Relay, _ name: String, _ endpoints: [UInt16], _ policy: ServicePolicy
            ) async throws -> (id: ServicePortID, port: UInt16) {
                let id = ServicePortID(ServicePortName(namespace: "default", service: name), .tcp)
                await relay.serve(id, with: RelayHarness.balancer(endpoints), policy: policy)
                return (id, try await relay.open(id, on: loopback).address.port)
            }
            self.hog = try await open(relay, "hog", hogs, policy)
            self.quiet = try await open(relay, "quiet", quiet, ServicePolicy())
        }

        var hogCounters: PortCounters { get async { await relay.settledSnapshot().ports[hog.id] ?? PortCounters() } }

        /// Who was told to be short of what.
        var shortages: [(port: ServicePortID, of: Shortage)] {
            told.withLock {
                $0.compactMap { if case .acceptPaused(let port, let what) = $0 { (port, what) } else { nil } }
            }
        }

        /// How long the quiet one takes to answer so many clients, one after the other; the median.
        func latency(_ clients: Int = 30) async throws -> Duration {
            let clock = ContinuousClock()
            var times: [Duration] = []
            for _ in 0..<clients {
                let start = clock.now
                let client = try ScriptedPeer.connect(to: quiet.port, script: [.send("x"), .expect("x")])
                _ = try await client.finished()
                times.append(clock.now - start)
            }
            return times.sorted()[clients / 2]
        }
    }

    @Test func anEndpointWithAFullQueueKeepsNobodyElseWaiting() async throws {
        try raiseDescriptorLimit(to: 4096)
        let (dead, live) = (try BlackHole(), try ScriptedServer.echo())
        let both = try await Neighbours(hog: [dead.port], quiet: [live.port])
        let alone = try await both.latency()
        let crowd = try await ClientCrowd.connect(400, to: both.hog.port)
        #expect(await eventually { await both.hogCounters.acceptPauses > 1 })
        let beside = try await both.latency()
        #expect(beside < alone * 20, "\(alone) alone, \(beside) beside it")
        // What is short is named, with whom it concerns, once for all workers and clients.
        let shortages = both.shortages
        #expect(shortages.count == 1)
        #expect(shortages.first?.port == both.hog.id)
        if case .dials(let count)? = shortages.first?.of { #expect(count > 10) } else { Issue.record("\(shortages)") }
        crowd.close()
        await both.relay.stop()
    }

    @Test func idleClientsKeepNobodyElseOut() async throws {
        try raiseDescriptorLimit(to: 4096)
        let server = try ScriptedServer.echo()
        let both = try await Neighbours(hog: [server.port], quiet: [server.port])
        let alone = try await both.latency()
        let crowd = try await ClientCrowd.connect(300, to: both.hog.port)
        #expect(await eventually { await both.hogCounters.acceptPauses > 1 })
        let beside = try await both.latency()
        #expect(beside < alone * 20, "\(alone) alone, \(beside) beside it")
        #expect(both.shortages.count == 1)
        if case .connections(let count)? = both.shortages.first?.of {
            #expect(count > 50)
        } else {
            Issue.record("\(both.shortages)")
        }
        // Who waits gets a turn as soon as others leave.
        let late = try ScriptedPeer.connect(to: both.hog.port, script: [.send("x"), .expect("x")])
        #expect(await eventually { late.progress.sent.count == 1 })
        crowd.close()
        _ = try await late.finished()
        await both.relay.stop()
    }

    @Test func clientsThatWaitForAnEndpointKeepNobodyElseOut() async throws {
        try raiseDescriptorLimit(to: 4096)
        let (dead, live) = (try BlackHole(), try ScriptedServer.echo())
        let patient = ServicePolicy(holdSeconds: 60)
        let both = try await Neighbours(hog: [], quiet: [live.port], workers: 1, policy: patient)
        let worker = both.relay.workers[0]
        worker.loop.execute { worker.supplies.dials.capacity = 30 }
        let alone = try await both.latency()
        let crowd = try await ClientCrowd.connect(80, to: both.hog.port)
        #expect(await eventually { await both.hogCounters.held == 80 })
        let besideHeld = try await both.latency()
        #expect(besideHeld < alone * 20, "\(alone) alone, \(besideHeld) beside clients that wait")
        // Then there is an endpoint, of sorts.
        await both.relay.serve(both.hog.id, with: RelayHarness.balancer([dead.port]), policy: patient)
        await both.relay.settle()
        #expect(await both.hogCounters.held == 80 - 24, "not for all at once")
        let besideDialled = try await both.latency()
        #expect(besideDialled < alone * 20, "\(alone) alone, \(besideDialled) beside clients that are dialled for")
        dead.open()
        #expect(await eventually(within: .seconds(30)) { await both.hogCounters.held == 0 }, "all get their turn")
        crowd.close()
        await both.relay.stop()
    }

    /// The first worker hands clients over to the other one, which has less to do and no room.
    @Test func whoComesBackFromAWorkerWithoutRoomIsServed() async throws {
        let server = try ScriptedServer.echo()
        let harness = try await RelayHarness(endpoints: [server.port])
        let (first, full) = (harness.relay.workers[0], harness.relay.workers[1])
        full.loop.execute { full.supplies.dials.capacity = 0 }
        await harness.relay.settle()
        let done = Cue()
        let id = harness.id
        // Those that the kernel gives to the full worker itself wait there.
        let clients = try (0..<20).map { _ in try harness.client(.send("x"), .expect("x"), .wait(done)) }
        func open(_ worker: Worker) async -> Int {
            await withCheckedContinuation { answer in
                worker.loop.execute { answer.resume(returning: worker.ports[id]?.has.connections ?? 0) }
            }
        }
        #expect(await eventually { await open(first) > 3 })
        #expect(await open(full) == 0)
        full.loop.execute {
            full.supplies.dials.capacity = 100
            if let port = full.ports[id] { full.roomHasAppeared(for: port) }
        }
        done.give()
        for client in clients { _ = try await client.finished() }
        await harness.relay.stop()
    }

    // MARK: Pipes

    /// Streams whose readers stand still, from a server that sends `size` bytes to each.
    private func stalled(_ count: Int, _ both: Neighbours, _ size: Int, until go: Cue) async throws -> [ScriptedPeer] {
        let clients = try (0..<count).map { _ in
            try ScriptedPeer.connect(
                to: both.hog.port, stepLimit: .seconds(120), script: [.wait(go), .expectPattern(count: size, seed: 3)])
        }
        #expect(
            await eventually(within: .seconds(60)) {
                await both.relay.settledSnapshot().ports[both.hog.id]?.open == count
            })
        return clients
    }

    @Test func streamsThatStandStillDoNotKeepThePipes() async throws {
        try raiseDescriptorLimit(to: 4096)
        let size = 8 << 20
        let source = try ScriptedServer(stepLimit: .seconds(120), script: [.sendPattern(count: size, seed: 3)])
        let sink = try ScriptedServer(script: [.expectPattern(count: 4 * size, seed: 4), .send("ok")])
        let both = try await Neighbours(hog: [source.port], quiet: [sink.port], workers: 1)
        let go = Cue()
        let limit = DescriptorBudget(limit: 1024).pipes
        let readers = try await stalled(limit + 16, both, size, until: go)
        #expect(await eventually { await both.relay.settledSnapshot().total.pipesLent >= limit * 3 / 4 })
        #expect(await both.relay.settledSnapshot().total.pipesLent < limit, "some are left for others")

        func splicedByAStream(to port: UInt16, _ script: PeerStep...) async throws -> Int {
            let before = await both.relay.settledSnapshot().total.splicedBytes
            _ = try await ScriptedPeer.connect(to: port, stepLimit: .seconds(60), script: script).finished()
            return Int(await both.relay.settledSnapshot().total.splicedBytes - before)
        }
        // Another service port has pipes at once.
        let others = try await splicedByAStream(
            to: both.quiet.port, .sendPattern(count: 4 * size, seed: 4), .expect("ok"))
        #expect(others > 2 * size)
        // The same one gets that of a stream that has stood still for a while.
        try await Task.sleep(for: .milliseconds(Int(PipePool.patience) + 200))
        let own = try await splicedByAStream(to: both.hog.port, .expectPattern(count: size, seed: 3))
        #expect(own > size / 2)
        // And no byte is lost to that.
        go.give()
        for reader in readers { _ = try await reader.finished() }
        #expect(await both.relay.settledSnapshot().total.pipesLent == 0)
        await both.relay.stop()
    }
}
