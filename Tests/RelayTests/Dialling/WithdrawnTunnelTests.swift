import Balancing
import Base
import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Relay

/// Tunnels that deliver before they know whether the endpoint takes the connection, and hear later that it does not.
@Suite(.timeLimit(.minutes(1))) struct WithdrawnTunnelTests {
    /// A worker all of whose endpoints are reached by the tunnel of the test.
    private func worker(_ tunnel: TestTunnel) throws -> LoneWorker {
        try LoneWorker(configure: { $0.tunnels = { _, _ in { tunnel.ask($0) } } })
    }

    /// What the client has said goes to the next endpoint: what the tunnel has read, what it has not, the end.
    @Test(arguments: ["", "ques", "question"]) func theNextEndpointGetsAll(taken: String) async throws {
        let tunnel = TestTunnel()
        let worker = try worker(tunnel)
        let port = try worker.open(endpoints: [1, 2])
        try worker.run()
        let client = try ScriptedPeer.connect(
            to: port, script: [.send("question"), .shutdownWrite, .expect("answer"), .receiveAll])
        #expect(await eventually { tunnel.count == 1 })
        let first = try tunnel.deliver(0)
        if taken.isEmpty {
            #expect(await eventually { first.waiting == 8 })
        } else {
            #expect(first.read(taken.utf8.count) == taken)
        }
        tunnel.withdraw(0, ECONNREFUSED, taken: taken, rest: first)
        #expect(await eventually { tunnel.count == 2 })
        let second = try tunnel.deliver(1)
        #expect(second.readAll() == "question")
        second.send("answer")
        second.close()
        #expect(try await client.finished().received.text == "answer")
        #expect(await eventually { worker.records.map(\.outcome) == [.completed] })
        let record = try #require(worker.records.first)
        #expect(record.attempts == 2 && record.bytesUp == 8 && record.bytesDown == 6)
        #expect(worker.dialFailures.map(\.code) == [ECONNREFUSED])
        #expect(try await worker.perform { $0.supplies.dials.used } == 0)
        #expect(try await worker.perform { $0.supplies.connections.used } == 0)
        worker.stop()
    }

    /// The client speaks in the time in which there is no endpoint, too.
    @Test func nothingIsLostBetweenTwoEndpoints() async throws {
        let tunnel = TestTunnel()
        let worker = try worker(tunnel)
        let port = try worker.open(endpoints: [1, 2])
        try worker.run()
        let (isBetween, isSaid) = (Cue(), Cue())
        let client = try ScriptedPeer.connect(
            to: port,
            script: [.send("one "), .wait(isBetween), .send("two"), .shutdownWrite, .give(isSaid), .receiveAll])
        #expect(await eventually { tunnel.count == 1 })
        let first = try tunnel.deliver(0)
        #expect(first.read(4) == "one ")
        tunnel.withdraw(0, ECONNREFUSED, taken: "one ", rest: first)
        #expect(await eventually { tunnel.count == 2 })
        isBetween.give()
        try await isSaid.wait()
        let second = try tunnel.deliver(1)
        #expect(second.readAll() == "one two")
        second.close()
        _ = try await client.finished()
        worker.stop()
    }

    /// More than any buffer on the way takes, so that pipes are full of it.
    @Test func aStreamGoesToTheNextEndpointFromItsFirstByte() async throws {
        let size = 4 << 20
        let server = try ScriptedServer(script: [.expectPattern(seed: 7), .send("taken")])
        let tunnel = TestTunnel()
        let worker = try LoneWorker(configure: { configuration in
            configuration.tunnels = { _, endpoint -> Tunnel? in
                guard endpoint.address.port == 1 else { return nil }
                return { deliver in tunnel.ask(deliver) }
            }
        })
        let port = try worker.open(endpoints: [1, server.port])
        try worker.run()
        let client = try ScriptedPeer.connect(
            to: port, script: [.sendPattern(count: size, seed: 7), .shutdownWrite, .expect("taken"), .receiveAll])
        #expect(await eventually { tunnel.count == 1 })
        let first = try tunnel.deliver(0)
        // Until nothing more goes in.
        var before = -1
        while first.waiting != before {
            before = first.waiting
            try await Task.sleep(for: .milliseconds(50))
        }
        let taken = first.readBytes(1000)
        tunnel.withdraw(0, ECONNREFUSED, taken: taken, rest: first)
        #expect(try await client.finished().received.text == "taken")
        worker.stop()
    }

    @Test func allEndpointsMayRefuse() async throws {
        let tunnel = TestTunnel()
        let worker = try worker(tunnel)
        let port = try worker.open(endpoints: [1])
        try worker.run()
        let client = try ScriptedPeer.connect(to: port, script: [.send("x"), .receiveReset])
        for attempt in 0..<4 {
            #expect(await eventually { tunnel.count == attempt + 1 })
            let end = try tunnel.deliver(attempt)
            #expect(end.read(1) == "x")
            tunnel.withdraw(attempt, ECONNREFUSED, taken: "x", rest: end)
        }
        #expect(try await client.finished().sawReset)
        #expect(await eventually { worker.records.map(\.outcome) == [.unreachable] })
        #expect(worker.records.first?.dialError == ECONNREFUSED)
        worker.stop()
    }

    /// The PROXY protocol's header is what an endpoint sees first, and once.
    @Test func theClientIsAnnouncedToEach() async throws {
        let tunnel = TestTunnel()
        let worker = try worker(tunnel)
        let port = try worker.open(endpoints: [1, 2])
        let id = ServicePortID(ServicePortName(namespace: "default", service: "web"), .tcp)
        var policy = ServicePolicy()
        policy.proxyProtocol = .v1
        worker.worker.serve(id, by: ServiceRoute(RelayHarness.balancer([1, 2]), policy))
        try worker.run()
        let client = try ScriptedPeer.connect(to: port, script: [.send("hello"), .shutdownWrite, .receiveAll])
        #expect(await eventually { tunnel.count == 1 })
        let first = try tunnel.deliver(0)
        let taken = first.read(8)
        #expect(taken == "PROXY TC")
        tunnel.withdraw(0, ECONNREFUSED, taken: taken, rest: first)
        #expect(await eventually { tunnel.count == 2 })
        let second = try tunnel.deliver(1)
        let all = second.readAll()
        second.close()
        #expect(all.hasPrefix("PROXY TCP4 127.0.0.1 127.0.0.1 ") && all.hasSuffix("\r\nhello"))
        #expect(all.components(of: "PROXY") == 2)
        _ = try await client.finished()
        #expect(await eventually { worker.records.first?.bytesUp == 5 }, "the header is not the client's")
        worker.stop()
    }

    @Test func anAnswerThatBrokeOffEndsWithAReset() async throws {
        for isAtEnd in [false, true] {
            let tunnel = TestTunnel()
            let worker = try worker(tunnel)
            let port = try worker.open(endpoints: [1])
            try worker.run()
            let client = try ScriptedPeer.connect(
                to: port, script: [.send("x")] + (isAtEnd ? [.shutdownWrite] : []) + [.expect("half"), .receiveReset])
            #expect(await eventually { tunnel.count == 1 })
            let end = try tunnel.deliver(0)
            #expect(end.read(1) == "x")
            if isAtEnd { #expect(end.read(1) == "") }
            end.send("half")
            tunnel.cut(0, ECONNRESET)
            #expect(try await client.finished().sawReset)
            #expect(await eventually { worker.records.map(\.outcome) == [.endpointReset] })
            #expect(worker.records.first?.bytesDown == 4)
            #expect(await eventually { end.isAtEnd }, "the relay's end is closed")
            worker.stop()
        }
    }

    /// It has said something, so it had the connection.
    @Test func whatHasAnsweredIsNotTakenBack() async throws {
        let tunnel = TestTunnel()
        let worker = try worker(tunnel)
        let port = try worker.open(endpoints: [1, 2])
        try worker.run()
        let client = try ScriptedPeer.connect(to: port, script: [.expect("hi"), .receiveReset])
        #expect(await eventually { tunnel.count == 1 })
        let end = try tunnel.deliver(0)
        end.send("hi")
        #expect(await eventually { (try? await worker.perform { $0.movedDown }) == 2 })
        tunnel.withdraw(0, ECONNREFUSED, taken: "", rest: end)
        #expect(try await client.finished().sawReset)
        #expect(tunnel.count == 1)
        worker.stop()
    }

    @Test func aProbeThatIsTakenBackHasFailed() async throws {
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
            worker.probeIsDue(id, worker.probes[id.index])
        }
        let end = try tunnel.deliver(0)
        #expect(
            await eventually { (try? await worker.perform { $0.isProbeStanding }) == true },
            "that it was delivered says nothing yet")
        tunnel.withdraw(0, ECONNREFUSED, taken: "", rest: end)
        #expect(await eventually { (try? await worker.perform { $0.probing }) == 0 })
        #expect(try await worker.perform { $0.ports.values.first?.route.balancer.endpoints.first?.isEjected } == true)
        worker.stop()
    }

    @Test func whatIsTakenBackFromNobodyIsClosed() async throws {
        let tunnel = TestTunnel()
        let worker = try worker(tunnel)
        let port = try worker.open(endpoints: [1])
        try worker.run()
        let client = try ScriptedPeer.connect(to: port, script: [.send("x"), .reset])
        #expect(await eventually { tunnel.count == 1 })
        _ = await client.report()
        #expect(await eventually { worker.records.count == 1 })
        var ends: [Int32] = [-1, -1]
        try #require(socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0)
        tunnel.withdraw(0, ECONNREFUSED, taken: "x", rest: OtherEnd(raw: ends[0]))
        tunnel.cut(0, ECONNRESET)
        #expect(await eventually { OtherEnd(raw: ends[1]).isAtEnd })
        worker.stop()
        close(ends[1])
    }
}

extension OtherEnd {
    /// Bytes that can be read.
    fileprivate var waiting: Int {
        var count: Int32 = 0
        _ = ioctl(raw, UInt(FIONREAD), &count)
        return Int(count)
    }
}

extension String {
    fileprivate func components(of separator: String) -> Int {
        split(separator: separator, omittingEmptySubsequences: false).count
    }
}

extension Worker {
    fileprivate var isProbeStanding: Bool { probes.ids.first.map { probes[$0.index].pointee.isStanding } ?? false }

    /// Bytes that the only connection has carried to its client.
    fileprivate var movedDown: UInt64? { connections.ids.first.map { connections[$0.index].pointee.down.moved } }
}
