import Balancing
import Base
import EventLoop
import TestSupport
import Testing

@testable import Relay

/// Ejecting endpoints that cannot be reached, and taking them back.
@Suite struct ProbingTests {
    private func kinds(_ served: ServedPort) -> [String] {
        served.events.compactMap { event in
            switch event {
            case .endpointEjected(_, let endpoint): "ejected \(endpoint.podName)"
            case .endpointReadmitted(_, let endpoint): "readmitted \(endpoint.podName)"
            default: nil
            }
        }
    }

    @Test("Each pause between probes is twice the one before, up to half a minute")
    func pauses() {
        let pauses = sequence(first: Probe.firstPause) { Probe.pause(after: $0) }
        #expect(pauses.prefix(8).elementsEqual([1000, 2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000]))
    }

    @Test("A dead endpoint costs one client one attempt, and is back when it answers, at no client's cost")
    func readmission() async throws {
        let port = try freePort(on: ScriptedServer.quietHost)
        let good = try ScriptedServer.identity("good")
        let served = try await ServedPort(
            Balancer(inOrder: [
                try .local(port, name: "late", on: ScriptedServer.quietHost), try .local(good.port, name: "good"),
            ]))
        for _ in 0..<20 { #expect(try await served.ask() == "good") }
        #expect(kinds(served) == ["ejected late"])
        var counters = await served.counters
        #expect(counters.dialFailures == 1 && counters.ejections == 1 && counters.ejectedEndpoints == 1)

        let late = try ScriptedServer.identity("late", port: port)
        #expect(await eventually { kinds(served) == ["ejected late", "readmitted late"] })
        // A probe says nothing and ends; it is no connection of a client.
        #expect(try await late.connection(0).report().received.count == 0)
        let answers = [try await served.ask(), try await served.ask()]
        #expect(Set(answers) == ["good", "late"])
        counters = await served.counters
        #expect(counters.readmissions == 1 && counters.ejectedEndpoints == 0 && counters.dialFailures == 1)
        #expect(counters.accepted == 22)
        await served.relay.stop()
    }

    @Test("A black hole is probed too, and one worker does it for all")
    func blackHole() async throws {
        let hole = try BlackHole()
        let good = try ScriptedServer.identity("good")
        let served = try await ServedPort(
            Balancer(inOrder: [try .local(hole.port, name: "hole"), try .local(good.port, name: "good")]), workers: 4)
        for _ in 0..<30 { #expect(try await served.ask() == "good") }
        #expect(await served.counters.dialFailures == 1)
        hole.open()
        #expect(await eventually(within: .seconds(20)) { kinds(served).last == "readmitted hole" })
        #expect(kinds(served) == ["ejected hole", "readmitted hole"])
        await served.relay.stop()
    }

    @Test("Of a service port that is served, those of its reserve are not counted as out of use")
    func reserve() async throws {
        let good = try ScriptedServer.identity("good")
        func told(_ port: UInt16) -> [ServiceEndpoint] {
            [ServiceEndpoint(address: EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: port))]
        }
        let balancer = Balancer(of: told(good.port), reserve: told(try freePort()))
        let served = try await ServedPort(balancer)
        #expect(balancer.reserve?.endpoints.first?.eject(at: 1) == true)
        #expect(try await served.ask() == "good")
        #expect(await served.counters.ejectedEndpoints == 0)
        #expect(balancer.endpoints.first?.eject(at: 1) == true)
        #expect(await served.counters.ejectedEndpoints == 1)
        await served.relay.stop()
    }

    @Test("All endpoints dead: they are used all the same, and a client's success pardons at once")
    func successPardons() async throws {
        let port = try freePort(on: ScriptedServer.quietHost)
        let served = try await ServedPort(
            Balancer(inOrder: [try .local(port, name: "only", on: ScriptedServer.quietHost)]))
        _ = try? await served.ask()
        #expect(served.outcomes == [.unreachable])
        #expect(await served.counters.ejectedEndpoints == 1)
        let only = try ScriptedServer.identity("only", port: port)
        #expect(try await served.ask() == "only")
        #expect(await served.counters.ejectedEndpoints == 0)
        #expect(kinds(served) == ["ejected only", "readmitted only"])
        withExtendedLifetime(only) {}
        await served.relay.stop()
    }

    @Test("One that has shown that it works is probed as if it had never failed")
    func ejectedAnew() async throws {
        let gone = try RefusingPort()
        let worker = try LoneWorker()
        _ = try worker.open(endpoints: [gone.port])
        try worker.run()
        let left: [UInt64] = try await worker.perform { worker in
            guard let port = worker.ports.values.first, let endpoint = port.route.balancer.endpoints.first else {
                return []
            }
            worker.eject(endpoint, of: port)
            for id in worker.probes.ids {
                worker.probes[id.index].pointee.due = worker.loop.now + Probe.longestPause
                worker.probes[id.index].pointee.pause = Probe.longestPause
            }
            // A client had its answer, and then another one did not get through.
            worker.reached(endpoint, of: port)
            worker.proved(endpoint, of: port, since: worker.loop.now + 1)
            worker.eject(endpoint, of: port)
            return worker.probes.ids.flatMap { id in
                [worker.probes[id.index].pointee.due - worker.loop.now, worker.probes[id.index].pointee.pause]
            }
        }
        #expect(left == [Probe.firstPause, Probe.firstPause * 2])
        worker.stop()
    }

    @Test("An endpoint that another worker ejects in the very moment of its pardon is probed on")
    func ejectedMeanwhile() async throws {
        let worker = try LoneWorker(
            react: { if case .endpointReadmitted(_, let endpoint) = $0 { _ = endpoint.eject(at: 1) } })
        _ = try worker.open(endpoints: [1])
        try worker.run()
        let isProbed: Bool = try await worker.perform { worker in
            guard let port = worker.ports.values.first, let endpoint = port.route.balancer.endpoints.first else {
                return false
            }
            worker.eject(endpoint, of: port)
            guard let id = worker.probes.ids.first else { return false }
            worker.probeEnded(id, worker.probes[id.index], .connected)
            return worker.probes.ids.contains { endpoint.needsProbing(by: worker.probes[$0.index].pointee.turn) }
        }
        #expect(isProbed)
        worker.stop()
    }

    @Test("A whole node gone: only so many probes are under way, and the others begin as those end")
    func crowd() async throws {
        // Whatever is asked for by these is never delivered.
        let worker = try LoneWorker(configure: { $0.tunnels = { _, _ in { _ in } } })
        _ = try worker.open(endpoints: Array(1...40))
        try worker.run()
        let counts: [Int] = try await worker.perform { worker in
            guard let port = worker.ports.values.first else { return [] }
            for endpoint in port.route.balancer.endpoints { worker.eject(endpoint, of: port) }
            func isUnderWay(_ id: Slab<Probe>.ID) -> Bool { worker.probes[id.index].pointee.isUnderWay }
            func begin() -> Int {
                for id in worker.probes.ids where !isUnderWay(id) { worker.probeIsDue(id, worker.probes[id.index]) }
                return worker.probes.ids.filter(isUnderWay).count
            }
            let first = begin()
            if let id = worker.probes.ids.first(where: isUnderWay) { worker.probeIsDue(id, worker.probes[id.index]) }
            return [first, worker.probes.ids.filter(isUnderWay).count, begin()]
        }
        #expect(counts == [Probe.mostAtOnce, Probe.mostAtOnce - 1, Probe.mostAtOnce])
        worker.stop()
    }

    @Test("A probe that is due soon does not wait for one that is due late")
    func soonest() async throws {
        let worker = try LoneWorker()
        _ = try worker.open(endpoints: [1, 2])
        try worker.run()
        let pause: UInt64? = try await worker.perform { worker in
            guard let port = worker.ports.values.first else { return nil }
            let endpoints = port.route.balancer.endpoints
            worker.eject(endpoints[0], of: port)
            worker.probesArmed = worker.loop.now + Probe.longestPause
            worker.eject(endpoints[1], of: port)
            return worker.probesArmed - worker.loop.now
        }
        #expect(pause == Probe.firstPause)
        worker.stop()
    }

    @Test("One that fails again before it has shown more than a connect waits twice as long each time")
    func relapses() async throws {
        let gone = try RefusingPort()
        let worker = try LoneWorker()
        _ = try worker.open(endpoints: [gone.port])
        try worker.run()
        let waits: [UInt64] = try await worker.perform { worker in
            guard let port = worker.ports.values.first, let endpoint = port.route.balancer.endpoints.first else {
                return []
            }
            return (0..<7).compactMap { _ in
                worker.eject(endpoint, of: port)
                let probe = worker.probes.ids.first.map { worker.probes[$0.index] }
                defer { worker.pardon(endpoint, of: port) }
                return probe.map { $0.pointee.pause }
            }
        }
        #expect(waits == [2000, 4000, 8000, 16_000, 30_000, 30_000, 30_000], "twice the first wait")
        worker.stop()
    }

    /// Whether the one endpoint of a worker is ejected, after it has failed so many times more.
    private func isEjected(_ worker: LoneWorker, failing count: Int = 0) async throws -> Bool {
        try await worker.perform { worker in
            guard let port = worker.ports.values.first, let endpoint = port.route.balancer.endpoints.first else {
                return false
            }
            for _ in 0..<count {
                worker.pardon(endpoint, of: port)
                worker.eject(endpoint, of: port)
            }
            return endpoint.isEjected
        }
    }

    @Test("Of one that has failed again and again a connect does not say enough, and an answer does")
    func answersAreProof() async throws {
        let server = try ScriptedServer(script: [.expect("question"), .send("answer"), .receiveAll])
        let worker = try LoneWorker()
        let port = try worker.open(endpoints: [server.port])
        try worker.run()
        // With so many failures nobody probes it while this test lasts.
        #expect(try await isEjected(worker, failing: 6))
        let client = try ScriptedPeer.connect(to: port, script: [.receiveAll])
        #expect(await eventually { await worker.total.copiedBytes == 0 && server.accepted == 1 })
        #expect(try await isEjected(worker), "it has been connected to, and that was all")
        withExtendedLifetime(client) {}

        // A connection of the very millisecond of the failure would prove nothing.
        let failed = try await worker.perform { $0.loop.now }
        #expect(await eventually { ((try? await worker.perform { $0.loop.now }) ?? 0) > failed })
        let asking = try ScriptedPeer.connect(
            to: port, script: [.send("question"), .expect("answer"), .shutdownWrite, .receiveAll])
        _ = try await asking.finished()
        #expect(await eventually { (try? await isEjected(worker)) == false })
        worker.stop()
    }

    @Test("A connection that lives is proof without a word, but not one that is older than the failure")
    func livesAreProof() async throws {
        let server = try ScriptedServer(script: [.receiveAll])
        let worker = try LoneWorker(configure: { $0.youth = 200 })
        let port = try worker.open(endpoints: [server.port])
        try worker.run()
        let old = try ScriptedPeer.connect(to: port, script: [.receiveAll])
        #expect(await eventually { server.accepted == 1 })
        #expect(try await isEjected(worker, failing: 6))
        #expect(try await eventually { try await worker.perform { !$0.deadlines.isSet(0) } }, "it has lived")
        #expect(try await isEjected(worker))

        let new = try ScriptedPeer.connect(to: port, script: [.receiveAll])
        #expect(await eventually { (try? await isEjected(worker)) == false })
        withExtendedLifetime((old, new)) {}
        worker.stop()
    }

    @Test(
        "One that accepts and ends or resets is let in again once, and then not until a connect stands",
        arguments: [[.reset], [.shutdownWrite, .receiveAll]] as [[PeerStep]])
    func endsAtOnce(_ script: [PeerStep]) async throws {
        let isWell = Locked(false)
        let never = Cue()
        let server = try ScriptedServer(scripts: { _ in isWell.withLock { $0 } ? [.wait(never)] : script })
        let worker = try LoneWorker()
        _ = try worker.open(endpoints: [server.port])
        try worker.run()
        /// Has the next probe begin now, and returns how many there have been once it has failed; nil if it has not.
        func probe() async throws -> UInt8? {
            try await worker.perform { worker in
                guard let id = worker.probes.ids.first else { return }
                worker.probes[id.index].pointee.due = worker.loop.now
                worker.probesAreDue()
            }
            _ = await eventually { (try? await worker.perform { $0.probing }) == 0 }
            return try await worker.perform { worker in
                worker.probes.ids.first.map { worker.probes[$0.index].pointee.attempts }
            }
        }
        #expect(try await isEjected(worker, failing: 6))
        #expect(try await probe() == 1)
        #expect(try await probe() == 2)
        #expect(try await isEjected(worker))
        isWell.withLock { $0 = true }
        #expect(try await probe() == nil)
        #expect(try await isEjected(worker) == false)
        worker.stop()
    }

    @Test("One that says something before it ends has answered")
    func answersAndEnds() async throws {
        let server = try ScriptedServer(script: [.send("busy"), .shutdownWrite, .receiveAll])
        let worker = try LoneWorker()
        _ = try worker.open(endpoints: [server.port])
        try worker.run()
        #expect(try await isEjected(worker, failing: 2))
        #expect(await eventually(within: .seconds(20)) { (try? await isEjected(worker)) == false })
        worker.stop()
    }

    @Test("A connection that the endpoint ends without a word is no proof, however long the client stays")
    func endsAreNoProof() async throws {
        let server = try ScriptedServer(script: [.shutdownWrite, .receiveAll])
        let worker = try LoneWorker(
            configure: {
                $0.youth = 200
                $0.halfOpenLimit = 300
            })
        let port = try worker.open(endpoints: [server.port])
        try worker.run()
        #expect(try await isEjected(worker, failing: 6))
        let failed = try await worker.perform { $0.loop.now }
        #expect(await eventually { ((try? await worker.perform { $0.loop.now }) ?? 0) > failed })
        let client = try ScriptedPeer.connect(to: port, script: [.receiveAll])
        _ = try? await client.finished()
        #expect(await eventually { await worker.total.open == 0 })
        #expect(try await isEjected(worker))
        worker.stop()
    }

    @Test("An endpoint that has left is not probed any more")
    func retired() async throws {
        let port = try freePort(on: ScriptedServer.quietHost)
        let good = try ScriptedServer.identity("good")
        let endpoints = [
            try Endpoint.local(port, name: "gone", on: ScriptedServer.quietHost),
            try Endpoint.local(good.port, name: "good"),
        ]
        let balancer = Balancer(inOrder: endpoints)
        let served = try await ServedPort(balancer)
        _ = try await served.ask()
        await served.serve(balancer.updated(with: [ServiceEndpoint(address: endpoints[1].address)]))
        let gone = try ScriptedServer.identity("gone", port: port)
        try await Task.sleep(for: .milliseconds(1500))
        #expect(gone.accepted == 0)
        #expect(kinds(served) == ["ejected gone"])
        await served.relay.stop()
    }
}

extension ScriptedServer {
    /// An address of loopback where no other test binds or connects: a port that was free there stays free.
    static let quietHost = "127.0.0.61"

    fileprivate static func identity(_ name: String, port: UInt16) throws -> ScriptedServer {
        try ScriptedServer(on: quietHost, port: port, script: [.send(name), .shutdownWrite, .receiveAll])
    }
}
