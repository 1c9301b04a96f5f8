import Balancing
import Base
import EventLoop
import TestSupport
import Testing

@testable import Relay

/// Relays that follow each other, as their clients see it: not at all.
@Suite(.timeLimit(.minutes(2))) struct HandoverTests {
    private let folder: TemporaryDirectory
    private let path: String

    init() throws {
        folder = try TemporaryDirectory()
        path = folder.file("handover")
    }

    @Test func noneOfThousandsOfClientsNoticesSeveralHandovers() async throws {
        let server = try ScriptedServer(script: [.expect("x"), .send("y"), .close])
        var current = try await Generation.first(at: path, endpoints: [server.port])
        let (port, stop) = (current.address.port, Cue())
        // As many at a time as keep both queues and workers busy.
        async let served = withTaskGroup(of: (count: Int, failures: [String]).self) { group in
            for _ in 0..<6 {
                group.addTask {
                    var (count, failures) = (0, [String]())
                    while !stop.isGiven {
                        let client = try? ScriptedPeer.connect(
                            to: port, script: [.send("x"), .expect("y"), .receiveAll])
                        let report = await client?.report()
                        count += 1
                        if let failure = report?.failure { failures.append("\(failure)") }
                    }
                    return (count, failures)
                }
            }
            return await group.reduce(into: (count: 0, failures: [String]())) {
                $0.count += $1.count
                $0.failures += $1.failures
            }
        }
        var accepted: [UInt64] = []
        // The number of workers changes: a worker may have several sockets of the door, or none.
        for workers in [3, 1, 2, 2, 4] {
            let before = server.accepted
            #expect(await eventually { server.accepted >= before + 800 })
            let next = try await current.replaced(workers: workers)
            // Nobody comes any more.
            accepted.append(await current.counters.accepted)
            await current.end()
            current = next
        }
        let before = server.accepted
        #expect(await eventually { server.accepted >= before + 800 })
        stop.give()
        let (count, failures) = await served
        #expect(count >= 4800)
        #expect(failures == [])
        #expect(accepted.count == 5 && accepted.allSatisfy { $0 > 0 })
        await current.end()
    }

    @Test func establishedConnectionsStayWithTheProcessThatHasThem() async throws {
        let server = try ScriptedServer.echo()
        let old = try await Generation.first(at: path, endpoints: [server.port])
        let go = Cue()
        let client = try ScriptedPeer.connect(
            to: old.address.port, script: [.send("1"), .expect("1"), .wait(go), .send("2"), .expect("2")])
        #expect(await eventually { client.progress.received.count == 1 })
        let new = try await old.replaced()
        async let ended: Void = old.end()
        go.give()
        _ = try await client.finished()
        await ended
        await new.end()
    }

    /// Room for a handful of connections: accepting pauses, and the rest waits in the queue of the kernel.
    @Test func whoWaitsInTheQueueIsServedByTheSuccessor() async throws {
        let leave = Cue()
        let server = try ScriptedServer.echo()
        let old = try await Generation.first(at: path, endpoints: [server.port], workers: 1, descriptors: 64)
        // All of one service port's share.
        var (supply, room) = (Supply(capacity: DescriptorBudget(limit: 64).connections(beside: 1)), 0)
        while supply.admits(room) { supply.take(&room) }
        let staying = try (0..<room).map { _ in
            try ScriptedPeer.connect(to: old.address.port, script: [.send("x"), .expect("x"), .wait(leave)])
        }
        #expect(await eventually { staying.allSatisfy { $0.progress.received.count == 1 } })
        let queued = try (0..<40).map { _ in
            try ScriptedPeer.connect(
                to: old.address.port, script: [.send("hello"), .expect("hello"), .shutdownWrite, .receiveAll])
        }
        #expect(await eventually { queued.allSatisfy { $0.progress.sent.count == 5 } })
        #expect(await old.relay.settledSnapshot().total.acceptPauses > 0)

        let new = try await old.replaced()
        for client in queued { _ = try await client.finished() }
        #expect(await old.counters.accepted == UInt64(room))
        #expect(await new.counters.accepted == 40)
        leave.give()
        for client in staying { _ = try await client.finished() }
        // Room has appeared, and the paused listener must not come back to life.
        for _ in 0..<20 { _ = try await ScriptedPeer.connect(to: new.address.port, script: [.close]).finished() }
        #expect(await eventually { await new.counters.accepted == 60 })
        #expect(await old.counters.accepted == UInt64(room))
        await old.end()
        await new.end()
    }

    /// The kernel reports a socket for as long as any process has it, wherever it was once asked to.
    @Test func queuesOfTheOtherProcessAreNoBusinessOfThisOne() async throws {
        let lone = try LoneWorker()
        let port = try lone.open(endpoints: [])
        let copy = try #require(try lone.worker.listeners[UInt32(port)]?.socket.duplicate().release())
        let theirs = Descriptor(owning: copy)
        try lone.run()
        try await lone.perform { $0.letGo() }
        let client = try ScriptedPeer.connect(to: port, script: [.send("x"), .receiveAll])
        #expect(await eventually { client.progress.sent.count == 1 })
        let before = try await lone.perform { _ in processorTime() }
        try await Task.sleep(for: .milliseconds(200))
        #expect(
            try await lone.perform { _ in processorTime() } - before < .milliseconds(50), "it was busy with nothing")
        guard case .accepted = TCPSocket.accept(from: theirs) else {
            Issue.record("the client is not in the queue")
            return lone.stop()
        }
        _ = await client.report()
        lone.stop()
        withExtendedLifetime(theirs) {}
    }

    @Test func aSuccessorThatDiesChangesNothing() async throws {
        let server = try ScriptedServer.identity("a")
        let old = try await Generation.first(at: path, endpoints: [server.port])
        do {
            // It goes as far as to have the sockets.
            let inheritance = try await Handover.take(from: path)
            #expect(inheritance?.doors.count == 1)
        }
        for _ in 0..<50 { #expect(try await old.answer() == "a") }
        // And a door that is closed is closed, whoever had its socket for a while.
        let new = try await old.replaced()
        await old.end()
        for _ in 0..<50 { #expect(try await new.answer() == "a") }
        await new.end()
        await #expect(throws: (any Error).self) { try await new.answer() }
    }

    @Test func theFirstToConfirmIsTheSuccessor() async throws {
        let server = try ScriptedServer.identity("a")
        let old = try await Generation.first(at: path, endpoints: [server.port])
        let slow = try #require(try await Handover.take(from: path))
        let new = try await old.replaced()
        await #expect(throws: HandoverError.self) { try await slow.confirm() }
        await old.end()
        #expect(try await new.answer() == "a")
        await new.end()
    }

    @Test func inheritedSocketsThatNoDoorWantsAreClosed() async throws {
        let server = try ScriptedServer.identity("a")
        let old = try await Generation.first(at: path, endpoints: [server.port])
        let gone = ServicePortID(ServicePortName(namespace: "default", service: "gone"), .tcp)
        await old.relay.serve(gone, with: RelayHarness.balancer([server.port]))
        let address = try await old.relay.open(gone, on: .loopback(0)).address

        let inheritance = try #require(try await Handover.take(from: path))
        #expect(Set(inheritance.doors.map(\.port)) == [old.id, gone])
        let new = try Relay(RelayConfiguration(workers: 2, budget: DescriptorBudget(limit: 4096)))
        await new.inherit(inheritance)
        await new.serve(old.id, with: RelayHarness.balancer([server.port]))
        _ = try await new.open(old.id, on: old.address)
        await new.settle()
        try await inheritance.confirm()
        await old.relay.letGo()
        #expect(await new.releaseUnclaimed() == 2, "one socket of each worker")
        await old.end()
        #expect(try await old.answer() == "a", "by the new one")
        let client = try ScriptedPeer.connect(to: address.port, script: [.receiveAll])
        #expect(await client.report().failure?.reason.isRefused == true)
        #expect(await new.stop())
    }

    /// A UDP socket that is bound to no address in particular tells where each datagram was sent to; one for IPv6 is for that
    /// alone. Both were said when they were made.
    @Test(.requires(.ipv6Loopback))
    func socketsStayWhatTheyAre() async throws {
        let (stream, datagrams) = (try ScriptedServer.identity("a"), try UDPServer())
        let old = try await Generation.first(at: path, endpoints: [stream.port])
        let six = ServicePortID(
            ServicePortName(namespace: "default", service: "web"), .tcp, EndpointList(.ipv6, .local))
        let any = ServicePortID(ServicePortName(namespace: "default", service: "dns"), .udp)
        func serve(_ relay: Relay) async {
            await relay.serve(six, with: RelayHarness.balancer([stream.port]))
            await relay.serve(any, with: RelayHarness.balancer([datagrams.port]))
        }
        await serve(old.relay)
        let loopback = EndpointAddress(ip: IPAddress(v6High: 0, low: 1), port: 0)
        let sixth = try await old.relay.open(six, on: loopback).address
        let wildcard = EndpointAddress(ip: IPAddress(v4: 0), port: 0)
        let open = try await old.relay.open(any, on: wildcard).address

        let inheritance = try #require(try await Handover.take(from: path))
        let expected = [old.id: old.address, six: sixth, any: open]
        #expect(Dictionary(uniqueKeysWithValues: inheritance.doors.map { ($0.port, $0.address) }) == expected)
        let new = try Relay(RelayConfiguration(workers: 1, budget: DescriptorBudget(limit: 4096)))
        await new.inherit(inheritance)
        await serve(new)
        #expect(try await new.open(six, on: sixth).address == sixth)
        #expect(try await new.open(any, on: open).address == open)
        await new.settle()
        try await inheritance.confirm()
        await old.relay.letGo()
        await old.end()
        let client = try ScriptedPeer.connect(to: sixth.port, on: "::1", script: [.receiveAll])
        #expect(try await client.finished().received.text == "a")
        for host in ["127.0.0.1", "127.0.0.2"] {
            #expect(try await UDPClient(to: open.port, on: host).ask("x") == "x", "from the address that was asked")
        }
        #expect(await new.stop())
    }

    @Test func hundredsOfSocketsComeInSeveralMessages() async throws {
        let server = try ScriptedServer.identity("a")
        let old = try await Generation.first(at: path, endpoints: [server.port])
        var addresses = [old.id: old.address]
        for number in 0..<300 {
            let id = ServicePortID(ServicePortName(namespace: "default", service: "web-\(number)"), .tcp)
            await old.relay.serve(id, with: RelayHarness.balancer([server.port]))
            addresses[id] = try await old.relay.open(id, on: .loopback(0)).address
        }
        let inheritance = try #require(try await Handover.take(from: path))
        let known = Dictionary(uniqueKeysWithValues: inheritance.doors.map { ($0.port, $0.address) })
        #expect(known == addresses)
        #expect(inheritance.release() == 602)
        await old.end()
    }
}
