import Glibc
import Measure
import Synchronization
import Testing

@testable import Load

/// Load and backend against each other on loopback, without a proxy: every kind finds its counterpart.
@Suite("Load and backend", .serialized)
struct LoadTests {
    @Test(
        "Every scenario of the catalogue moves something",
        arguments: Scenario.catalogue.filter { $0.method == .throughput })
    func throughput(scenario: Scenario) throws {
        let spec = try startBackend(of: scenario)
        defer { unlink(spec.counters) }
        let result = Load.run(spec)
        #expect(result.failure == nil)
        #expect(result.operations > 0)
        #expect(result.seconds >= 0.1)
        #expect(result.errors == 0)
        if scenario.metrics.contains(.p50) {
            let p50 = try #require(result.p50)
            let p99 = try #require(result.p99)
            #expect(p50 > 0 && p50 <= p99)
        }
        if scenario.metrics.contains(.lost) {
            let sent = try #require(result.sent)
            let delivered = try #require(result.delivered)
            // The sender may be held up between a batch and counting it.
            #expect(sent + 64 >= delivered)
        }
    }

    @Test(
        "Neighbours of a load see every answer, and the load goes on beside them",
        arguments: ["fair-8-ping", "fair-flood-ping"])
    func neighbours(name: String) throws {
        let scenario = try #require(Scenario.catalogue.first { $0.name == name })
        let load = try startBackend(of: scenario)
        defer { unlink(load.counters) }
        let second = load.counters + "-2"
        _ = Counters(path: second, create: true)
        defer { unlink(second) }
        var spec = LoadSpec(kind: .neighbours, port: load.port, warmUp: 0.1, seconds: 0.6, counters: second)
        let kinds: [NeighbourSpec.Kind] = scenario.transport == .udp ? [.datagram] : [.roundTrip, .connect]
        spec.neighbours = kinds.map { NeighbourSpec(name: $0.rawValue, kind: $0, port: load.port, interval: 0.001) }

        let streams = ResultBox()
        let result = Load.run(spec) {
            startThread { streams.result.withLock { $0 = Load.run(load) } }
        }
        #expect(result.failure == nil)
        let seen = try #require(result.neighbours)
        #expect(seen.map(\.name) == kinds.map(\.rawValue))
        for neighbour in seen {
            #expect(neighbour.operations > 0)
            #expect(neighbour.failed == 0)
            let all = try #require(neighbour.all)
            #expect(all.p50 > 0 && all.p50 <= all.p99)
        }
        let whole = try #require(streams.result.withLock { $0 })
        #expect(whole.bytes > 0)
    }

    @Test("An operation that never ends counts with the time it has waited")
    func waiting() throws {
        let neighbour = Neighbour()
        neighbour.beginWindow(at: 1_000_000_000, seconds: 3)
        neighbour.begin(at: 1_500_000_000)
        neighbour.end(at: 1_501_000_000)
        neighbour.begin(at: 2_000_000_000)
        let result = neighbour.result("n", at: 4_000_000_000)
        #expect(result.operations == 2)
        let first = try #require(result.first)
        let last = try #require(result.last)
        #expect((999_000...1_001_000).contains(first.p50))
        #expect((1_990_000_000...2_010_000_000).contains(last.p50))
    }

    @Test("What ended before the window is not in it")
    func beforeTheWindow() {
        let neighbour = Neighbour()
        neighbour.begin(at: 1)
        neighbour.end(at: 2)
        neighbour.begin(at: 3)
        neighbour.lose(at: 4)
        neighbour.beginWindow(at: 5, seconds: 1)
        let result = neighbour.result("n", at: 6)
        #expect(result.operations == 0)
        #expect(result.lost == 0)
        #expect(result.all == nil)
    }

    @Test("A half-closed stream is answered")
    func halfClose() throws {
        let scenario = try #require(Scenario.catalogue.first { $0.load == "halfClose" })
        let spec = try startBackend(of: scenario)
        defer { unlink(spec.counters) }
        #expect(Load.run(spec).works == true)
    }

    @Test("Idle pairs are all there when they are held")
    func idlePairs() throws {
        let scenario = try #require(Scenario.catalogue.first { $0.method == .idlePairs })
        var spec = try startBackend(of: scenario)
        defer { unlink(spec.counters) }
        spec.connections = 50
        var held = false
        let result = Load.run(spec) { held = true }
        #expect(held)
        #expect(result.operations == 50)
    }

    @Test("A port where nobody listens is a failure, not a figure")
    func nobody() {
        let counters = "/tmp/portico-bench-test-\(getpid())"
        _ = Counters(path: counters, create: true)
        defer { unlink(counters) }
        let result = Load.run(LoadSpec(kind: .bulkUp, port: 1, warmUp: 0, seconds: 0.1, counters: counters))
        #expect(result.failure?.contains("connect") == true)
    }

    @Test("The machine's clock counts CPUs and moves forward")
    func machineTime() {
        let first = MachineTime.now()
        #expect(first.cpus > 0)
        #expect(MachineTime.now().busy >= first.busy)
    }

    private final class ResultBox: Sendable { let result = Mutex<LoadResult?>(nil) }
}
