import Balancing
import Base
import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Relay

/// This process does not run for a while: it was stopped, or the machine was too busy. What came meanwhile is still there.
@Suite(.timeLimit(.minutes(2))) struct StallTests {
    /// A worker that dials an endpoint in the moment in which it stands still, for so long that the endpoint answers.
    private func stall(
        _ hole: BlackHole, _ then: @escaping @Sendable (Worker, Slab<Connection>.ID) -> Void,
        _ check: (LoneWorker, ScriptedPeer) async throws -> Void
    ) async throws {
        let failures = Locked(0)
        let worker = try LoneWorker(react: { if case .dialFailed = $0 { failures.withLock { $0 += 1 } } })
        let port = try worker.open(endpoints: [hole.port])
        try worker.run()
        let client = try ScriptedPeer.connect(to: port, script: [.expect("hello"), .receiveReset])
        let met = try await met(worker, hole, failures, then)
        try #require(met, "the worker was never seen dialling")
        #expect(failures.withLock { $0 } == 0)
        try await check(worker, client)
        worker.stop()
    }

    private func met(
        _ worker: LoneWorker, _ hole: BlackHole, _ failures: Locked<Int>,
        _ then: @escaping @Sendable (Worker, Slab<Connection>.ID) -> Void
    ) async throws -> Bool {
        try await eventually(every: .milliseconds(1)) {
            try await worker.perform { worker in
                guard let id = worker.connections.ids.first, worker.connections[id.index].pointee.server.isOpen,
                    failures.withLock({ $0 == 0 })
                else { return false }
                hole.open()
                // The kernel sends its SYN again after a second.
                for _ in 0..<600 where worker.connections[id.index].pointee.server.isPending { usleep(10_000) }
                try? hole.greet("hello")
                then(worker, id)
                return true
            }
        }
    }

    @Test func anEndpointThatAnsweredMeanwhileIsNotBlamed() async throws {
        let hole = try BlackHole()
        try await stall(hole) { worker, id in
            // The deadline comes before the event, as it does when a wait for events was interrupted.
            worker.attemptIsDue(id, worker.connections[id.index])
        } _: { worker, client in
            #expect(await eventually { client.progress.received.text == "hello" })
            let isEjected = try await worker.perform { worker in
                worker.ports.values.contains { $0.route.balancer.endpoints.contains { $0.isEjected } }
            }
            #expect(!isEjected)
        }
    }

    /// An endpoint that speaks first, and did so by the time at which the worker learns that the connection stands.
    @Test func aGreetingThatCameWithTheConnectionIsPassedOn() async throws {
        let hole = try BlackHole()
        try await stall(hole) { _, _ in
        } _: { _, client in
            #expect(await eventually { client.progress.received.text == "hello" })
        }
    }

    @Test func anEndpointThatAnsweredAProbeMeanwhileIsBack() async throws {
        let hole = try BlackHole()
        let worker = try LoneWorker()
        let port = try worker.open(endpoints: [hole.port])
        try worker.run()
        let client = try ScriptedPeer.connect(to: port, script: [.receiveReset])
        _ = await client.report()
        let isBack: Bool? = try await worker.perform { worker in
            guard let id = worker.probes.ids.first else { return nil }
            let probe = worker.probes[id.index]
            if !probe.pointee.socket.isOpen { worker.probeIsDue(id, probe) }
            hole.open()
            for _ in 0..<600 where probe.pointee.socket.isPending { usleep(10_000) }
            let endpoint = probe.pointee.endpoint
            worker.probeIsDue(id, probe)
            return !endpoint.isEjected
        }
        #expect(isBack == true)
        worker.stop()
    }
}

extension Descriptor {
    fileprivate var isPending: Bool { TCPSocket.dialState(of: self) == .pending }
}
