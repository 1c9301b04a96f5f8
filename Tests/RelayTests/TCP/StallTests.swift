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

    /// The limit on silence is over, and the answer is there, but nobody has looked.
    @Test func whatCameMeanwhileIsNoSilence() async throws {
        let (question, answered) = (Cue(), Cue())
        let server = try ScriptedServer(script: [
            .receiveAll, .give(question), .wait(answered), .send("answer"), .close,
        ])
        let limit: UInt64 = 60_000
        let worker = try LoneWorker(configure: { $0.halfOpenLimit = limit })
        let port = try worker.open(endpoints: [server.port])
        try worker.run()
        let client = try ScriptedPeer.connect(to: port, script: [.send("x"), .shutdownWrite, .receiveAll])
        try await question.wait()
        #expect(await eventually { await worker.total.halfOpen == 1 })
        try await worker.perform { worker in
            answered.give()
            guard let id = worker.connections.ids.first else { return }
            let connection = worker.connections[id.index]
            for _ in 0..<600 where !connection.pointee.server.isReadable { usleep(10_000) }
            worker.halfOpenIsDue(id, connection, at: worker.loop.now + limit)
        }
        #expect(try await client.finished().received.text == "answer")
        #expect(await eventually { worker.records.map(\.outcome) == [.completed] })
        worker.stop()
    }

    @Test func silenceIsSilenceAllTheSame() async throws {
        let (question, never) = (Cue(), Cue())
        let server = try ScriptedServer(script: [.receiveAll, .give(question), .wait(never)])
        let limit: UInt64 = 60_000
        let worker = try LoneWorker(configure: { $0.halfOpenLimit = limit })
        let port = try worker.open(endpoints: [server.port])
        try worker.run()
        let client = try ScriptedPeer.connect(to: port, script: [.send("x"), .shutdownWrite, .receiveReset])
        try await question.wait()
        #expect(await eventually { await worker.total.halfOpen == 1 })
        try await worker.perform { worker in
            guard let id = worker.connections.ids.first else { return }
            worker.halfOpenIsDue(id, worker.connections[id.index], at: worker.loop.now + limit)
        }
        #expect(try await client.finished().sawReset)
        #expect(worker.records.map(\.outcome) == [.halfOpenLimit])
        worker.stop()
    }

    @Test func aFlowWhoseAnswerCameMeanwhileGetsIt() async throws {
        let answer = Cue()
        let server = try UDPServer(.echoAfter(answer))
        let worker = try LoneWorker()
        let port = try worker.open("dns", .udp, endpoints: [server.port])
        try worker.run()
        let client = try UDPClient(to: port)
        try client.send("x")
        #expect(await eventually { server.arrivals.datagrams == 1 })
        try await worker.perform { worker in
            answer.give()
            guard let id = worker.datagrams.flows.ids.first else { return }
            let flow = worker.datagrams.flows[id.index]
            for _ in 0..<600 where !flow.pointee.socket.isReadable { usleep(10_000) }
            worker.sweep(at: worker.loop.now + 20_000)
        }
        #expect(try await client.receive() == Array("x".utf8))
        worker.stop()
    }

    /// More datagrams wait at the door than a turn takes, and the one that shows that the flow goes on is the last.
    @Test func aFlowWhoseClientHasSpokenMeanwhileGoesOn() async throws {
        let server = try UDPServer(.echo())
        let worker = try LoneWorker()
        let port = try worker.open("dns", .udp, endpoints: [server.port])
        try worker.run()
        let (client, crowd) = (try UDPClient(to: port), try UDPClient(to: port))
        try client.send("before")
        #expect(try await client.receive() == Array("before".utf8))
        let before = server.arrivals.sources
        try await worker.perform { worker in
            for _ in 0..<200 { try? crowd.send("x") }
            try? client.send("after")
            worker.sweep(at: worker.loop.now + 20_000)
        }
        #expect(try await client.receive() == Array("after".utf8))
        #expect(before.keys.allSatisfy { server.arrivals.sources[$0] == 2 }, "from the same socket as before")
        worker.stop()
    }

    @Test func whatIsOverAfterAStallEndsAtTheNextLook() async throws {
        let server = try UDPServer(.silent)
        let worker = try LoneWorker()
        let port = try worker.open("dns", .udp, endpoints: [server.port])
        try worker.run()
        try UDPClient(to: port).send("x")
        #expect(await eventually { (try? await worker.perform { $0.datagrams.flows.count }) == 1 })
        let left = try await worker.perform { worker in
            worker.sweep(at: worker.loop.now + 20_000)
            let before = worker.datagrams.flows.count
            worker.sweepSet = worker.loop.now + 20_000
            worker.sweep(at: worker.loop.now + 20_250)
            return [before, worker.datagrams.flows.count]
        }
        #expect(left == [1, 0])
        worker.stop()
    }
}

extension Descriptor {
    fileprivate var isReadable: Bool {
        var state = pollfd(fd: raw, events: Int16(POLLIN), revents: 0)
        return poll(&state, 1, 0) > 0
    }

    fileprivate var isPending: Bool { TCPSocket.dialState(of: self) == .pending }
}
