import Balancing
import Base
import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Relay

/// Somebody who accepts clients and gives them to a relay, as a proxy does.
private struct Porch: ~Copyable {
    let listener: Descriptor
    let port: UInt16

    init() throws {
        let listener = try TCPSocket.listen(on: .loopback(port: 0))
        port = try TCPSocket.localAddress(of: listener).port
        self.listener = listener
    }

    func client(_ script: PeerStep..., options: SocketOptions = .default) throws -> ScriptedPeer {
        try ScriptedPeer.connect(to: port, options: options, script: script)
    }

    /// Gives the next client to the relay.
    func pass(to relay: Relay, _ id: ServicePortID, after opening: Opening = Opening()) throws {
        let deadline = Deadline.within(.seconds(10))
        while !deadline.hasPassed {
            var watched = pollfd(fd: listener.raw, events: Int16(POLLIN), revents: 0)
            poll(&watched, 1, deadline.milliseconds)
            guard case .accepted(let socket, let peer) = TCPSocket.accept(from: listener) else { continue }
            return relay.adopt(socket, from: peer, for: id, after: opening)
        }
        throw PeerError.timedOut("accept")
    }

    /// Sixty clients, one after the other; a relay with ``small`` has no room for so many.
    func crowd(
        _ script: PeerStep..., for harness: RelayHarness, after opening: Opening = Opening()
    ) throws -> [ScriptedPeer] {
        try (0..<60).map { _ in
            let client = try ScriptedPeer.connect(to: port, script: script)
            try pass(to: harness.relay, harness.id, after: opening)
            return client
        }
    }

    static let small = DescriptorBudget(limit: 64)
}

extension PeerReport {
    /// It got a reset and nothing else, maybe so soon that its connect tells of it.
    fileprivate var wasResetUnheard: Bool { (sawReset || failure?.reason.isReset == true) && received.count == 0 }
}

@Suite("Clients that somebody else has accepted")
struct GuestTests {
    private let opening = Opening(request: Array("GET ".utf8), greeting: Array("HELLO ".utf8))

    @Test("What was read goes first, what is to be told comes first, and only what is the endpoint's counts")
    func served() async throws {
        let pod = try ScriptedServer(script: [.expect("GET /"), .send("answer"), .shutdownWrite, .receiveAll])
        let harness = try await RelayHarness(endpoints: [pod.port])
        let porch = try Porch()
        for _ in 0..<5 {
            let client = try porch.client(.send("/"), .expect("HELLO answer"), .shutdownWrite, .receiveAll)
            try porch.pass(to: harness.relay, harness.id, after: opening)
            _ = try await client.finished()
        }
        #expect(await eventually { harness.records.count == 5 })
        for record in harness.records {
            #expect(record.outcome == .completed && record.bytesUp == 5 && record.bytesDown == 6)
        }
        let counters = await harness.counters
        #expect(counters.accepted == 5 && counters.open == 0 && counters.bytesUp == 25 && counters.bytesDown == 30)
        await harness.stop()
    }

    @Test("A greeting before the words of an endpoint that speaks first, to a client that reads slowly")
    func slow() async throws {
        let pod = try ScriptedServer(script: [.sendPattern(count: 1 << 20, seed: 3), .shutdownWrite, .receiveAll])
        let harness = try await RelayHarness(endpoints: [pod.port])
        let porch = try Porch()
        let client = try porch.client(
            .expect("HELLO "), .expectPattern(count: 1 << 20, seed: 3), .shutdownWrite, .receiveAll, options: .tiny)
        try porch.pass(to: harness.relay, harness.id, after: Opening(greeting: opening.greeting))
        _ = try await client.finished()
        await harness.stop()
    }

    @Test("A long request to an endpoint that takes its time, and more behind it")
    func longRequest() async throws {
        let pod = try ScriptedServer(options: .tiny, script: [.expectPattern(count: 600_000, seed: 5), .send("ok")])
        let harness = try await RelayHarness(endpoints: [pod.port])
        let porch = try Porch()
        let all = BytePattern(seed: 5).prefix(600_000)
        let client = try porch.client(.send(Array(all[300_000...])), .shutdownWrite, .expect("ok"))
        try porch.pass(to: harness.relay, harness.id, after: Opening(request: Array(all[..<300_000])))
        _ = try await client.finished()
        #expect(await eventually { harness.records.first?.bytesUp == 600_000 })
        await harness.stop()
    }

    @Test("The header of the PROXY protocol goes before what was read")
    func proxyProtocol() async throws {
        let pod = try ScriptedServer(script: [.receiveAll, .send("done")])
        let served = try await ServedPort(
            Balancer(inOrder: [try .local(pod.port)]), ServicePolicy(proxyProtocol: .v1))
        let porch = try Porch()
        let client = try porch.client(.send("/"), .shutdownWrite, .expect("HELLO done"))
        try porch.pass(to: served.relay, served.id, after: opening)
        _ = try await client.finished()
        let text = try await pod.connection(0).finished().received.text
        #expect(
            text.hasPrefix("PROXY TCP4 127.0.0.1 127.0.0.1 ") && text.hasSuffix(" \(porch.port)\r\nGET /"), "\(text)")
        #expect(await eventually { await served.counters.bytesUp == 5 })
        await served.relay.stop()
    }

    @Test(
        "By a tunnel that takes back what it delivered: one greeting, and all words to the next endpoint",
        arguments: [
            "", "v1",
        ])
    func withdrawn(version: String) async throws {
        let tunnel = TestTunnel()
        let policy = ServicePolicy(proxyProtocol: version.isEmpty ? nil : .v1)
        let balancer = Balancer(inOrder: [try .local(1), try .local(2)])
        let served = try await ServedPort(balancer, policy) { $0.tunnels = { _, _ in { tunnel.ask($0) } } }
        let porch = try Porch()
        let client = try porch.client(.send("/"), .shutdownWrite, .expect("HELLO answer"), .receiveAll)
        try porch.pass(to: served.relay, served.id, after: opening)
        #expect(await eventually { tunnel.count == 1 })
        let first = try tunnel.deliver(0)
        let words = first.readAll()
        #expect(words.hasSuffix("GET /") && words.hasPrefix(version.isEmpty ? "GET" : "PROXY TCP4"))
        tunnel.withdraw(0, ECONNREFUSED, taken: words, rest: first)
        #expect(await eventually { tunnel.count == 2 })
        let second = try tunnel.deliver(1)
        #expect(second.readAll() == words)
        second.send("answer")
        second.close()
        _ = try await client.finished()
        #expect(await eventually { await served.counters.bytesUp == 5 })
        #expect(await served.counters.bytesDown == 6)
        await served.relay.stop()
    }

    @Test("Reset without a word: no such service port, none any more, no endpoint, one that refuses")
    func refused() async throws {
        let harness = try await RelayHarness(endpoints: [])
        let porch = try Porch()
        let stranger = ServicePortID(ServicePortName(namespace: "default", service: "other"), .tcp)
        for id in [stranger, harness.id] {
            let client = try porch.client(.receiveReset)
            try porch.pass(to: harness.relay, id, after: opening)
            #expect(await client.report().wasResetUnheard)
        }
        await harness.relay.serve(harness.id, with: RelayHarness.balancer([try RefusingPort().port]))
        let client = try porch.client(.receiveReset)
        try porch.pass(to: harness.relay, harness.id, after: opening)
        #expect(await client.report().wasResetUnheard)
        await harness.relay.remove(harness.id)
        let late = try porch.client(.receiveReset)
        try porch.pass(to: harness.relay, harness.id, after: opening)
        #expect(await late.report().wasResetUnheard)
        #expect(await harness.relay.settledSnapshot().total.open == 0)
        await harness.stop()
    }

    @Test("It waits for an endpoint where clients do, and is served when there is one")
    func held() async throws {
        let pod = try ScriptedServer(script: [.expect("GET /"), .send("here")])
        let served = try await ServedPort(Balancer(inOrder: []), ServicePolicy(holdSeconds: 30))
        let porch = try Porch()
        let client = try porch.client(.send("/"), .expect("HELLO here"))
        try porch.pass(to: served.relay, served.id, after: opening)
        #expect(await eventually { await served.counters.held == 1 })
        await served.serve(Balancer(inOrder: [try .local(pod.port)]), ServicePolicy(holdSeconds: 30))
        _ = try await client.finished()
        await served.relay.stop()
    }

    @Test("Where there is no room it waits, and all are served in the end")
    func shortage() async throws {
        let go = Cue()
        let pod = try ScriptedServer(script: [.wait(go), .send("pod"), .shutdownWrite, .receiveAll])
        let harness = try await RelayHarness(endpoints: [pod.port], budget: Porch.small)
        let clients = try Porch().crowd(
            .expect("HELLO pod"), .shutdownWrite, .receiveAll, for: harness,
            after: Opening(greeting: opening.greeting))
        await harness.relay.settle()
        #expect(pod.accepted <= Porch.small.connections)
        go.give()
        for client in clients { _ = try await client.finished() }
        #expect(await eventually { harness.records.count == 60 })
        await harness.stop()
    }

    @Test("Those that wait for room are served by a drain, as far as its time goes, and reset at its end")
    func drain() async throws {
        let pod = try ScriptedServer(script: [.neverRead])
        let harness = try await RelayHarness(endpoints: [pod.port], budget: Porch.small)
        let porch = try Porch()
        let clients = try porch.crowd(.receiveReset, for: harness)
        await harness.relay.settle()
        _ = await harness.relay.drain(within: .milliseconds(50))
        for client in clients { #expect(await client.report().wasResetUnheard) }
        // And whoever comes now.
        let late = try porch.client(.receiveReset)
        try porch.pass(to: harness.relay, harness.id)
        #expect(await late.report().wasResetUnheard)
        await harness.stop()
        let last = try porch.client(.receiveReset)
        try porch.pass(to: harness.relay, harness.id)
        #expect(await last.report().wasResetUnheard)
    }

    @Test(
        "Where the service port is removed meanwhile, those that wait for room wait no longer, and the others end well")
    func removed() async throws {
        let go = Cue()
        let pod = try ScriptedServer(script: [.wait(go), .send("pod"), .shutdownWrite, .receiveAll])
        let harness = try await RelayHarness(endpoints: [pod.port], budget: Porch.small)
        let clients = try Porch().crowd(.receiveAll, for: harness, after: Opening(greeting: opening.greeting))
        await harness.relay.settle()
        let served = pod.accepted
        await harness.relay.remove(harness.id)
        go.give()
        var (ended, reset) = (0, 0)
        for client in clients {
            let report = await client.report()
            if report.received.text == "HELLO pod" { ended += 1 } else if report.wasResetUnheard { reset += 1 }
        }
        #expect(served > 0 && ended == served && reset == 60 - served)
        await harness.stop()
    }

    @Test("If more come than may wait, they are reset, and count like all that were refused")
    func tooMany() async throws {
        let far = try BlackHole()
        let harness = try await RelayHarness(
            endpoints: [far.port], workers: 1, budget: DescriptorBudget(limit: 64))
        let porch = try Porch()
        for _ in 0..<6 {
            let crowd = try await ClientCrowd.connect(50, to: porch.port)
            for _ in 0..<50 { try porch.pass(to: harness.relay, harness.id) }
            await harness.relay.settledSnapshot().expectBalance()
            withExtendedLifetime(crowd) {}
        }
        let total = harness.relay.total
        #expect(total.shed > 0 && total.endings[.exhausted] == total.shed)
        await harness.stop()
    }

    @Test("Descriptors are given back, also by a relay that ends while some wait")
    func descriptors() async throws {
        await #expect(processExitsWith: .success) {
            await RelayHarness.warmUp()
            let baseline = Descriptors.open()
            do {
                let pod = try ScriptedServer(script: [.neverRead])
                let harness = try await RelayHarness(endpoints: [pod.port], budget: DescriptorBudget(limit: 64))
                let porch = try Porch()
                let clients = try (0..<40).map { _ in
                    let client = try porch.client(.receiveReset)
                    try porch.pass(to: harness.relay, harness.id)
                    return client
                }
                await harness.stop()
                for client in clients { _ = await client.report() }
                await pod.stop()
            }
            #expect(await eventually { Descriptors.open() <= baseline })
        }
    }

    @Test("They are dealt out to the workers, and a removed service port's run to their end")
    func shared() async throws {
        let go = Cue()
        let pod = try ScriptedServer(script: [.send("pod"), .wait(go)])
        let harness = try await RelayHarness(endpoints: [pod.port], workers: 2)
        let porch = try Porch()
        let clients = try (0..<8).map { _ in
            let client = try porch.client(.expect("HELLO pod"), .receiveAll)
            try porch.pass(to: harness.relay, harness.id, after: Opening(greeting: opening.greeting))
            return client
        }
        #expect(await eventually { harness.relay.workers.allSatisfy { $0.load.current == 4 } })
        // Right behind one more, which has been given to it before that.
        let last = try porch.client(.expect("HELLO pod"), .receiveAll)
        try porch.pass(to: harness.relay, harness.id, after: Opening(greeting: opening.greeting))
        await harness.relay.remove(harness.id)
        go.give()
        for client in clients + [last] { _ = try await client.finished() }
        await harness.stop()
    }
}
