import Balancing
import Base
import TestSupport
import Testing

@testable import Relay

/// Whoever was accepted over TCP is open, or has ended in one of the ways that are counted: so numbers of clients, and alerts
/// about a share of them, are of all clients.
@Suite("The books of clients", .timeLimit(.minutes(2))) struct BalanceTests {
    private static let loopback = EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: 0)

    /// Serves one more service port, and returns where.
    private func serve(_ name: String, _ endpoints: [UInt16], by relay: Relay) async throws -> UInt16 {
        let id = ServicePortID(ServicePortName(namespace: "default", service: name), .tcp)
        await relay.serve(id, with: RelayHarness.balancer(endpoints))
        return try await relay.open(id, on: Self.loopback).address.port
    }

    @Test("They balance, however clients come to their end, and also for service ports that are gone")
    func kinds() async throws {
        let harness = try await RelayHarness(endpoints: []) { $0.halfOpenLimit = 500 }
        let relay = harness.relay
        let pod = try ScriptedServer.echo()
        let (rude, dead, far) = (
            try ScriptedServer(script: [.expect("x"), .reset]), try RefusingPort(), try BlackHole()
        )
        let silent = try ScriptedServer(script: [.neverRead])
        let ports = [
            "pod": try await serve("pod", [pod.port], by: relay),
            "rude": try await serve("rude", [rude.port], by: relay),
            "dead": try await serve("dead", [dead.port], by: relay),
            "far": try await serve("far", [far.port], by: relay),
            "silent": try await serve("silent", [silent.port], by: relay), "none": harness.port,
        ]
        let scripts: [(String, [PeerStep], ConnectionRecord.Outcome)] = [
            ("pod", [.send("x"), .expect("x"), .shutdownWrite, .receiveAll], .completed),
            ("pod", [.send("x"), .expect("x"), .reset], .clientReset),
            ("rude", [.send("x"), .receiveReset], .endpointReset), ("none", [.receiveReset], .noEndpoint),
            ("dead", [.receiveReset], .unreachable), ("far", [.pause(.milliseconds(50)), .reset], .abandoned),
            ("silent", [.shutdownWrite, .receiveReset], .halfOpenLimit),
        ]
        for (name, script, outcome) in scripts {
            let port = try #require(ports[name])
            for _ in 0..<5 { _ = await (try ScriptedPeer.connect(to: port, script: script)).report() }
            let isEnded = await eventually(within: .seconds(20)) { relay.total.endings[outcome] == 5 }
            #expect(isEnded, "\(outcome): \(relay.total.endings)")
        }
        await relay.settledSnapshot().expectBalance()

        // One that is open while its service port goes, and is cut by a drain.
        let open = try await serve("open", [pod.port], by: relay)
        let client = try ScriptedPeer.connect(to: open, script: [.send("x"), .expect("x"), .receiveReset])
        #expect(await eventually { client.progress.received.count == 1 })
        await relay.remove(ServicePortID(ServicePortName(namespace: "default", service: "open"), .tcp))
        await relay.settledSnapshot().expectBalance()
        _ = await relay.drain(within: .milliseconds(10))
        _ = await client.report()
        let snapshot = await relay.settledSnapshot()
        snapshot.expectBalance()
        #expect(snapshot.total.open == 0 && snapshot.total.endings[.drained] == 1)
        await harness.stop()
    }

    @Test("They balance while many come and go, dealt out to several workers")
    func crowd() async throws {
        let pod = try ScriptedServer.echo()
        let harness = try await RelayHarness(endpoints: [pod.port], workers: 4)
        for _ in 0..<5 {
            let crowd = try await ClientCrowd.connect(100, to: harness.port)
            #expect(try await crowd.roundTrip("hello") == 100)
            await harness.relay.settledSnapshot().expectBalance()
            crowd.close()
        }
        #expect(await eventually { harness.relay.total.open == 0 })
        await harness.relay.settledSnapshot().expectBalance()
        await harness.stop()
    }

    @Test("Who is reset for want of something is told of in any case, and others only where connections are asked for")
    func reports() async throws {
        let pod = try ScriptedServer.identity("pod")
        let harness = try await RelayHarness(endpoints: [pod.port]) { $0.reportsConnections = false }
        #expect(try await harness.answer() == "pod")
        await pod.stop()
        #expect(try await harness.isReset())
        #expect(await eventually { !harness.records.isEmpty })
        await harness.stop()
        #expect(harness.records.map(\.outcome) == [.unreachable])
    }
}

extension RelaySnapshot {
    /// - Precondition: there are no service ports over UDP.
    func expectBalance(sourceLocation: SourceLocation = #_sourceLocation) {
        let ended = ConnectionRecord.Outcome.allCases.reduce(0) { $0 + total.endings[$1] }
        #expect(
            sum.accepted == UInt64(total.open) + ended, "\(sum.accepted) clients, \(total.open) open, \(total.endings)",
            sourceLocation: sourceLocation)
        let refused = [.noEndpoint, .unreachable, .exhausted, .notAdmitted].reduce(0) { $0 + total.endings[$1] }
        #expect(sum.refused == refused, sourceLocation: sourceLocation)
        #expect(total.lasting.counts.reduce(0, +) == ended, sourceLocation: sourceLocation)
    }
}
