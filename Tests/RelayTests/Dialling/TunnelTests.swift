import Balancing
import Base
import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Relay

/// Endpoints that are reached by a tunnel: somebody else makes the connection, and one end of it is delivered later.
@Suite(.timeLimit(.minutes(1))) struct TunnelTests {
    /// A worker whose endpoint on port 1 is reached by the tunnel of the test, and all others by sockets.
    private func worker(_ tunnel: TestTunnel) throws -> LoneWorker {
        try LoneWorker(configure: { configuration in
            configuration.tunnels = { _, endpoint -> Tunnel? in
                guard endpoint.address.port == 1 else { return nil }
                return { deliver in tunnel.ask(deliver) }
            }
        })
    }

    @Test func aClientIsRelayedThroughATunnelThatIsDeliveredLater() async throws {
        let tunnel = TestTunnel()
        let worker = try worker(tunnel)
        let port = try worker.open(endpoints: [1])
        try worker.run()
        let client = try ScriptedPeer.connect(
            to: port, script: [.send("question"), .shutdownWrite, .expect("answer"), .receiveAll])
        #expect(await eventually { tunnel.count == 1 })
        // A socket would have been given up by now.
        try await Task.sleep(for: .milliseconds(600))
        #expect(try await worker.perform { $0.connections.count } == 1 && worker.dialFailures.isEmpty)
        let end = try tunnel.deliver(0)
        #expect(end.readAll() == "question")
        #expect(try await worker.perform { $0.supplies.dials.used } == 0, "it is dialled for no longer")
        end.send("answer")
        end.close()
        #expect(try await client.finished().received.text == "answer")
        #expect(await eventually { worker.records.map(\.outcome) == [.completed] })
        #expect(worker.records.first?.bytesUp == 8 && worker.records.first?.bytesDown == 6)
        worker.stop()
    }

    @Test func aTunnelThatFailsLaterIsAFailedAttempt() async throws {
        let server = try ScriptedServer.identity("socket")
        let tunnel = TestTunnel()
        let worker = try worker(tunnel)
        let port = try worker.open(endpoints: [1, server.port])
        try worker.run()
        let client = try ScriptedPeer.connect(to: port, script: [.receiveAll])
        #expect(await eventually { tunnel.count == 1 })
        tunnel.fail(0, EHOSTUNREACH)
        #expect(try await client.finished().received.text == "socket")
        #expect(worker.dialFailures.map(\.code) == [EHOSTUNREACH])
        #expect(worker.dialFailures.first?.limit == 10_000, "its own limit")
        worker.stop()
    }

    /// The time of the attempt of the only connection is over.
    private func timeIsOver(_ worker: LoneWorker) async throws {
        try await worker.perform { worker in
            guard let id = worker.connections.ids.first else { return }
            worker.attemptIsDue(id, worker.connections[id.index])
        }
    }

    @Test func whatComesTooLateIsClosed() async throws {
        let server = try ScriptedServer.identity("socket")
        let tunnel = TestTunnel()
        let worker = try worker(tunnel)
        let port = try worker.open(endpoints: [1, server.port])
        try worker.run()
        let client = try ScriptedPeer.connect(to: port, script: [.receiveAll])
        #expect(await eventually { tunnel.count == 1 })
        try await timeIsOver(worker)
        #expect(try await client.finished().received.text == "socket")
        #expect(worker.dialFailures.map(\.code) == [ETIMEDOUT])
        #expect(try tunnel.deliver(0).readAll() == "")
        // Nor is a client there that has left.
        let leaving = try ScriptedPeer.connect(to: port, script: [.pause(.milliseconds(10)), .reset])
        _ = await leaving.report()
        #expect(await eventually { worker.records.count == 2 })
        worker.stop()
        if tunnel.count > 1 { #expect(try tunnel.deliver(1).readAll() == "", "the worker is gone") }
    }

    @Test func aProbeGoesTheSameWay() async throws {
        let tunnel = TestTunnel()
        let worker = try worker(tunnel)
        _ = try worker.open(endpoints: [1])
        try worker.run()
        func step() async throws -> Bool {
            try await worker.perform { worker in
                guard let port = worker.ports.values.first, let endpoint = port.route.balancer.endpoints.first else {
                    return false
                }
                if !endpoint.isEjected { worker.eject(endpoint, of: port) }
                guard let id = worker.probes.ids.first else { return false }
                worker.probeIsDue(id, worker.probes[id.index])
                return true
            }
        }
        func isEjected() async throws -> Bool? {
            try await worker.perform { $0.ports.values.first?.route.balancer.endpoints.first?.isEjected }
        }
        #expect(try await step())
        #expect(tunnel.count == 1)
        tunnel.fail(0, ECONNREFUSED)
        #expect(await eventually { (try? await worker.perform { $0.probing }) == 0 })
        #expect(try await isEjected() == true)

        #expect(try await step())
        #expect(tunnel.count == 2)
        let end = try tunnel.deliver(1)
        #expect(await eventually { (try? await isEjected()) == false })
        #expect(end.readAll() == "", "a probe says nothing and ends")
        #expect(try await worker.perform { $0.probing } == 0)
        worker.stop()
    }

    @Test func whatAnEarlierAttemptAskedForIsNotTaken() async throws {
        let tunnel = TestTunnel()
        let worker = try LoneWorker(configure: { $0.tunnels = { _, _ in { tunnel.ask($0) } } })
        let port = try worker.open(endpoints: [1, 2])
        try worker.run()
        let client = try ScriptedPeer.connect(to: port, script: [.receiveAll])
        #expect(await eventually { tunnel.count == 1 })
        try await timeIsOver(worker)
        #expect(await eventually { tunnel.count == 2 })
        for (index, text) in ["early", "late"].enumerated() {
            let end = try tunnel.deliver(index)
            end.send(text)
            end.close()
        }
        #expect(try await client.finished().received.text == "late")
        worker.stop()
    }

    @Test func whatAnEarlierProbeAskedForSaysNothing() async throws {
        let tunnel = TestTunnel()
        let worker = try worker(tunnel)
        _ = try worker.open(endpoints: [1])
        try worker.run()
        try await worker.perform { worker in
            guard let port = worker.ports.values.first, let endpoint = port.route.balancer.endpoints.first else {
                return
            }
            worker.eject(endpoint, of: port)
            guard let id = worker.probes.ids.first else { return }
            // One that begins, is over in vain, and begins again.
            for _ in 0..<3 { worker.probeIsDue(id, worker.probes[id.index]) }
        }
        #expect(tunnel.count == 2)
        func isEjected() async throws -> Bool? {
            try await worker.perform { $0.ports.values.first?.route.balancer.endpoints.first?.isEjected }
        }
        try tunnel.deliver(0).close()
        #expect(try await isEjected() == true)
        let end = try tunnel.deliver(1)
        #expect(await eventually { (try? await isEjected()) == false })
        end.close()
        worker.stop()
    }

    @Test func whatIsDeliveredToAWorkerThatIsGoneIsClosed() async throws {
        let tunnel = TestTunnel()
        let worker = try worker(tunnel)
        let port = try worker.open(endpoints: [1])
        try worker.run()
        let client = try ScriptedPeer.connect(to: port, script: [.receiveAll])
        #expect(await eventually { tunnel.count == 1 })
        worker.stop()
        #expect(try tunnel.deliver(0).isAtEnd)
        _ = await client.report()
    }

    @Test func kindsHaveLimitsOfTheirOwn() {
        let tunnel = DialKind.tunnel { _ in }
        for kind in [DialKind.socket, .standIn] {
            #expect((1...5).map { DialKind.limits[kind.limit(ofAttempt: $0)] } == [250, 500, 1000, 2000, 2000])
        }
        #expect((1...4).allSatisfy { DialKind.limits[tunnel.limit(ofAttempt: $0)] == 10_000 })
    }
}
