import Balancing
import Base
import TestSupport
import Testing

@testable import Relay

/// Service ports without endpoints (docs/behaviour.md, B5.10): clients are reset, or wait if the Service asks for it.
@Suite struct HoldingTests {
    private let patient = ServicePolicy(holdSeconds: 30)

    private func waits(_ served: ServedPort, _ count: Int) async -> Bool {
        await eventually { await served.counters.held == count }
    }

    @Test("Without endpoints TCP is reset at once, and a new endpoint serves at once")
    func reset() async throws {
        let served = try await ServedPort(Balancer(of: []))
        // So soon, perhaps, that the client's connect tells of it already.
        let report = await (try ScriptedPeer.connect(to: served.port, script: [.receiveReset])).report()
        #expect(report.sawReset || report.failure?.reason.isReset == true)
        #expect(served.outcomes == [.noEndpoint])
        let server = try ScriptedServer.identity("a")
        await served.serve(Balancer(inOrder: [try .local(server.port)]))
        #expect(try await served.ask() == "a")
        await served.relay.stop()
    }

    @Test("Without endpoints UDP is dropped and counted")
    func dropped() async throws {
        let served = try await ServedPort(Balancer(of: []), patient, transport: .udp)
        let client = try UDPClient(to: served.port)
        for _ in 0..<3 { try client.send("x") }
        #expect(await eventually { await served.counters.dropped == 3 })
        let server = try UDPServer()
        await served.serve(Balancer(inOrder: [try .local(server.port)]), patient)
        #expect(try await client.ask("y") == "y")
        await served.relay.stop()
    }

    @Test("Clients wait for the first endpoint, and are then served in the order in which they came")
    func resumed() async throws {
        let served = try await ServedPort(Balancer(of: []), patient, workers: 1)
        var clients: [ScriptedPeer] = []
        for index in 0..<20 {
            clients.append(
                try ScriptedPeer.connect(to: served.port, script: [.send("\(index)\n"), .shutdownWrite, .receiveAll]))
            #expect(await waits(served, index + 1))
        }
        let server = try ScriptedServer { index in [.send("\(index)\n"), .echo] }
        await served.serve(Balancer(inOrder: [try .local(server.port)]), patient)
        for (index, client) in clients.enumerated() {
            #expect(try await client.finished().received.text == "\(index)\n\(index)\n")
        }
        let counters = await served.counters
        #expect(counters.held == 0 && counters.heldInAll == 20 && counters.holdTimeouts == 0 && counters.refused == 0)
        // One line for all of them.
        #expect(served.events.count { if case .waitingForEndpoint = $0 { true } else { false } } == 1)
        await served.relay.stop()
    }

    @Test("All workers' clients are served")
    func allWorkers() async throws {
        let served = try await ServedPort(Balancer(of: []), patient, workers: 4)
        let clients = try (0..<100).map { _ in try ScriptedPeer.connect(to: served.port, script: [.receiveAll]) }
        #expect(await waits(served, 100))
        let servers = try ["a", "b"].map { try ScriptedServer.identity($0) }
        await served.serve(Balancer(inOrder: try servers.map { try .local($0.port) }), patient)
        for client in clients { #expect(try await client.finished().received.count == 1) }
        #expect(servers.map(\.accepted) == [50, 50])
        await served.relay.stop()
    }

    @Test("Who waits in vain is reset after the limit; a shorter limit holds for those who wait already")
    func timeout() async throws {
        let served = try await ServedPort(Balancer(of: []), ServicePolicy(holdSeconds: 1))
        let began = ContinuousClock.now
        let client = try ScriptedPeer.connect(to: served.port, script: [.receiveReset])
        _ = try await client.finished()
        #expect((Duration.milliseconds(950)...Duration.seconds(30)).contains(ContinuousClock.now - began))
        #expect(served.outcomes == [.noEndpoint])

        await served.serve(Balancer(of: []), patient)
        let second = try ScriptedPeer.connect(to: served.port, script: [.receiveReset])
        #expect(await waits(served, 1))
        await served.serve(Balancer(of: []), ServicePolicy())
        _ = try await second.finished()
        let counters = await served.counters
        #expect(counters.holdTimeouts == 2 && counters.held == 0 && counters.refused == 2 && counters.open == 0)
        await served.relay.stop()
    }

    @Test("A client that goes while it waits is forgotten; one that has sent its request may end its direction")
    func abandoned() async throws {
        let served = try await ServedPort(Balancer(of: []), patient)
        let reset = try ScriptedPeer.connect(to: served.port, script: [.send("x"), .pause(.milliseconds(50)), .reset])
        _ = try await reset.finished()
        let closed = try ScriptedPeer.connect(to: served.port, script: [.pause(.milliseconds(50)), .close])
        _ = try await closed.finished()
        #expect(await eventually { served.outcomes == [.abandoned, .abandoned] })
        #expect(await served.counters.held == 0)

        let asking = try ScriptedPeer.connect(
            to: served.port, script: [.send("ask"), .shutdownWrite, .receiveAll])
        #expect(await waits(served, 1))
        try await Task.sleep(for: .milliseconds(100))
        #expect(await served.counters.held == 1)
        let server = try ScriptedServer.echo()
        await served.serve(Balancer(inOrder: [try .local(server.port)]), patient)
        #expect(try await asking.finished().received.text == "ask")
        #expect(server.accepted == 1)
        await served.relay.stop()
    }

    @Test("No more wait than the cap allows, over all workers; and they leave room for dialling")
    func capped() async throws {
        let served = try await ServedPort(Balancer(of: []), patient, workers: 2) {
            // A quarter of these may be dialled at one time.
            $0.budget = DescriptorBudget(limit: 12_000)
        }
        try raiseDescriptorLimit(to: 16_384)
        let crowd = try await ClientCrowd.connect(WaitingCount.defaultLimit, to: served.port)
        #expect(await waits(served, WaitingCount.defaultLimit))
        for _ in 0..<10 {
            // The reset may come so soon that it is the connect that fails.
            _ = await (try ScriptedPeer.connect(to: served.port, script: [.receiveReset])).report()
        }
        #expect(await eventually { await served.counters.refused == 10 })
        #expect(await served.counters.held == WaitingCount.defaultLimit)
        crowd.close()
        #expect(await waits(served, 0))
        await served.relay.stop()
    }

    @Test("A removed service port lets nobody wait")
    func removed() async throws {
        let served = try await ServedPort(Balancer(of: []), patient)
        let client = try ScriptedPeer.connect(to: served.port, script: [.receiveReset])
        #expect(await waits(served, 1))
        await served.relay.remove(served.id)
        _ = try await client.finished()
        let snapshot = await served.relay.settledSnapshot()
        #expect(snapshot.total.removed.refused == 1 && snapshot.total.removed.accepted == 1)
        await served.relay.stop()
    }
}
