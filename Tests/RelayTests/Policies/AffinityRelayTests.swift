import Balancing
import Base
import TestSupport
import Testing

@testable import Relay

/// Session affinity over real sockets; its rules are tested with `ServiceRoute`.
@Suite struct AffinityRelayTests {
    private let affinity = ServicePolicy(affinity: .clientIP(seconds: 10_800))

    @Test("Clients keep their endpoints over all workers")
    func sticky() async throws {
        let servers = try ["a", "b", "c"].map { try ScriptedServer.identity($0) }
        let served = try await ServedPort(Balancer(inOrder: servers.map { try .local($0.port) }), affinity)
        for source in ["127.0.0.2", "127.0.0.3", "127.0.0.4"] {
            let first = try await served.ask(from: source)
            for _ in 0..<8 { #expect(try await served.ask(from: source) == first) }
        }
        #expect(servers.map(\.accepted) == [9, 9, 9])
        #expect(await served.relay.settledSnapshot().ports[served.id]?.pinnedClients == 3)
        await served.relay.stop()
    }

    @Test("A client whose endpoint refuses is pinned to the one that worked")
    func repinned() async throws {
        let dead = try RefusingPort()
        let servers = try ["a", "b"].map { try ScriptedServer.identity($0) }
        let endpoints = [try Endpoint.local(dead.port)] + (try servers.map { try .local($0.port) })
        let served = try await ServedPort(Balancer(inOrder: endpoints), affinity)
        // The first in turn is dead, so the client gets the next one, and keeps it.
        #expect(try await served.ask() == "a")
        for _ in 0..<6 { #expect(try await served.ask() == "a") }
        #expect(await served.counters.dialFailures == 1)

        // Its endpoint dies later: the same again, without anybody telling the proxy.
        await servers[0].stop()
        #expect(try await served.ask() == "b")
        for _ in 0..<6 { #expect(try await served.ask() == "b") }
        #expect(await served.counters.dialFailures == 2)
        await served.relay.stop()
    }

    @Test("A removed endpoint costs only its own clients their endpoint")
    func rollingUpdate() async throws {
        let servers = try ["a", "b"].map { try ScriptedServer.identity($0) }
        let endpoints = try servers.map { try Endpoint.local($0.port) }
        let balancer = Balancer(inOrder: endpoints)
        let served = try await ServedPort(balancer, affinity)
        #expect(try await served.ask(from: "127.0.0.2") == "a")
        #expect(try await served.ask(from: "127.0.0.3") == "b")
        await served.serve(balancer.updated(with: [ServiceEndpoint(address: endpoints[1].address)]), affinity)
        #expect(try await served.ask(from: "127.0.0.2") == "b")
        #expect(try await served.ask(from: "127.0.0.3") == "b")
        await served.serve(Balancer(of: []), affinity)
        // The setting survives zero endpoints.
        await served.serve(Balancer(inOrder: try servers.map { try .local($0.port) }), affinity)
        let first = try await served.ask(from: "127.0.0.4")
        for _ in 0..<4 { #expect(try await served.ask(from: "127.0.0.4") == first) }
        await served.relay.stop()
    }

    @Test("A changed timeout touches neither the listener nor connections nor what is remembered")
    func changedTimeout() async throws {
        let servers = try ["a", "b"].map { try ScriptedServer.echo(identity: $0) }
        let balancer = Balancer(inOrder: try servers.map { try .local($0.port) })
        let served = try await ServedPort(balancer, affinity)
        let go = Cue()
        let first = try ScriptedPeer.connect(
            to: served.port, script: [.expect("a"), .wait(go), .send("x"), .expect("x"), .close])
        #expect(await eventually { first.progress.received.count == 1 })

        await served.serve(balancer, ServicePolicy(affinity: .clientIP(seconds: 600)))
        let second = try ScriptedPeer.connect(to: served.port, script: [.expect("a"), .close])
        _ = try await second.finished()
        await served.serve(balancer, ServicePolicy(affinity: .clientIP(seconds: 1)))
        try await Task.sleep(for: .milliseconds(1100))
        let third = try ScriptedPeer.connect(to: served.port, script: [.expect("b"), .close])
        _ = try await third.finished()
        go.give()
        _ = try await first.finished()
        #expect(await served.counters.broken == 0)
        await served.relay.stop()
    }

    @Test("UDP: a client keeps its endpoint over flows, and loses it when that is gone")
    func datagrams() async throws {
        let servers = try ["a", "b"].map { try UDPServer(.echo(identity: $0)) }
        let served = try await ServedPort(
            Balancer(inOrder: try servers.map { try .local($0.port) }), affinity, transport: .udp)
        let first = try #require(await UDPClient(to: served.port).ask("x", within: .seconds(5)))
        for _ in 0..<6 { #expect(try await UDPClient(to: served.port).ask("x") == first) }
        let other = try #require(await UDPClient(to: served.port, from: "127.0.0.9").ask("x"))
        #expect(other != first)

        let index = first == "ax" ? 0 : 1
        await servers[index].stop()
        for _ in 0..<4 { #expect(try await UDPClient(to: served.port).ask("x") == other) }
        #expect(await served.counters.dialFailures == 1, "the next flow already knew")
        await served.relay.stop()
    }
}
