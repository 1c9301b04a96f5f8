import Balancing
import Base
import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Relay

/// How often things happened, how long they took, and what can be seen of what is open now.
@Suite("Tallies and durations", .timeLimit(.minutes(2))) struct TallyTests {
    @Test("Each time falls into one range, those on a bound into the lower one, and the longest behind the last")
    func ranges() {
        let cells = DurationCells()
        for milliseconds: UInt64 in [0, 1, 2, 3, 30_000, 30_001, 1 << 40] {
            cells.add(milliseconds, DurationCells.connecting)
        }
        var durations = Durations(DurationCells.connecting)
        durations.add(cells)
        #expect(durations.counts == [2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2])
        #expect(durations.count == 7 && durations.sum == 60_007 + 1 << 40)
        durations.add(cells)
        #expect(durations.count == 14)
        #expect(durations.counts.count == durations.bounds.count + 1 && durations.bounds.sorted() == durations.bounds)
    }

    @Test("Results of attempts by their errno, and room for every kind of thing that is counted")
    func results() {
        #expect(DialResult(errno: ECONNREFUSED) == .refused && DialResult(errno: ETIMEDOUT) == .timedOut)
        #expect(DialResult(errno: ENETUNREACH) == .unreachable && DialResult(errno: ECONNRESET) == .reset)
        #expect(DialResult(errno: EACCES) == .other)
        #expect(
            max(DialResult.allCases.count, DropReason.allCases.count, ConnectionRecord.Outcome.allCases.count) <= 10)
    }

    @Test("A connection is counted by what became of its attempts, how it ended, and how long it was there")
    func connections() async throws {
        let server = try ScriptedServer.echo()
        let harness = try await RelayHarness(endpoints: [try RefusingPort().port, server.port])
        for _ in 0..<4 {
            _ = try await harness.client(.send("x"), .expect("x"), .shutdownWrite, .receiveAll).finished()
        }
        #expect(await eventually { harness.relay.total.endings[.completed] == 4 })
        let total = harness.relay.total
        #expect(total.dials[.connected] == 4 && total.dials[.refused] >= 1)
        #expect(total.connecting.count == 4 && total.lasting.count == 4)
        await harness.relay.serve(harness.id, with: RelayHarness.balancer([]))
        await harness.relay.settle()
        #expect(try await harness.isReset())
        #expect(await eventually { harness.relay.total.endings[.noEndpoint] == 1 })
        #expect(harness.relay.total.connecting.count == 4, "who got no endpoint has not waited for one to its end")
        await harness.stop()
    }

    @Test("Datagrams for which there is no endpoint are dropped as such")
    func drops() async throws {
        let relay = try Relay(RelayConfiguration(workers: 1, budget: DescriptorBudget(limit: 256)))
        let id = ServicePortID(ServicePortName(namespace: "default", service: "dns"), .udp)
        await relay.serve(id, with: RelayHarness.balancer([]))
        let door = try await relay.open(id, on: EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: 0))
        let client = try UDPClient(to: door.address.port)
        for _ in 0..<3 { try client.send([1, 2, 3]) }
        #expect(await eventually { relay.total.drops[.unserved] == 3 })
        #expect(relay.counters(of: id)?.dropped == 3 && relay.total.drops[.toEndpoint] == 0)
        await relay.stop()
    }

    @Test("Open connections can be looked at: whose, to where, for how long, and at most so many")
    func looking() async throws {
        let server = try ScriptedServer.echo()
        let harness = try await RelayHarness(endpoints: [server.port])
        let end = Cue()
        let clients = try (0..<6).map { _ in
            try harness.client(.send("hello"), .expect("hello"), .wait(end), .shutdownWrite, .receiveAll)
        }
        #expect(await eventually { harness.relay.counters(of: harness.id)?.bytesDown == 30 })
        let all = await harness.relay.connections(atMost: 100)
        #expect(all.count == 6 && Set(all.map(\.client)).count == 6)
        for connection in all {
            #expect(connection.stage == .open && connection.port == harness.id && connection.attempts == 1)
            #expect(
                connection.bytesUp == 5 && connection.bytesDown == 5 && connection.endpoint?.address.port == server.port
            )
            #expect(connection.age >= connection.idle)
        }
        #expect(await harness.relay.connections(atMost: 1).count <= 2, "one of each worker")
        #expect(await harness.relay.connections(atMost: 100) { $0 != harness.id }.isEmpty)
        let looks = harness.relay.endpoints(of: harness.id)
        #expect(looks.values.map(\.open) == [6] && looks.values.allSatisfy { !$0.isEjected })
        end.give()
        for client in clients { _ = try await client.finished() }
        #expect(await eventually { await harness.relay.connections(atMost: 100).isEmpty })
        await harness.stop()
        #expect(
            await harness.relay.connections(atMost: 100).isEmpty, "nor does one that has ended keep anybody waiting")
    }

    @Test("An endpoint that cannot be reached is seen to be out of use")
    func ejected() async throws {
        let harness = try await RelayHarness(endpoints: [try RefusingPort().port])
        #expect(harness.relay.endpoints(of: harness.id).values.map(\.isEjected) == [false])
        #expect(try await harness.isReset())
        #expect(await eventually { harness.relay.endpoints(of: harness.id).values.map(\.isEjected) == [true] })
        await harness.stop()
    }
}
