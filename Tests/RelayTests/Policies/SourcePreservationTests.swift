import Balancing
import Base
import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Relay

/// Who endpoints take their clients for. Where imitating is allowed, it is so in a network of its own, with nothing but
/// loopback: the relay dials there, and has its doors in the usual one, where the clients are.
@Suite(.timeLimit(.minutes(1))) struct SourcePreservationTests {
    private static let client = "127.0.0.9"

    /// A relay with an endpoint for each transport, all of them in a network of their own.
    private struct Lab: Sendable {
        let relay: Relay
        let tcp: SourceServer
        let udp: UDPServer
        let losses: Locked<[RelayEvent]>

        static func make() throws -> Lab {
            let losses = Locked<[RelayEvent]>([])
            let configuration = RelayConfiguration(workers: 1, budget: DescriptorBudget(limit: 1024))
            let relay = try Relay(configuration) { event in
                if case .sourceNotPreserved = event { losses.withLock { $0.append(event) } }
            }
            return Lab(relay: relay, tcp: try SourceServer(), udp: try UDPServer(), losses: losses)
        }

        /// What the endpoint takes a new client for.
        func source(
            _ transport: TransportProtocol, isLocal: Bool = true, _ policy: SourcePreservation?
        ) async throws -> String {
            let id = ServicePortID(ServicePortName(namespace: "default", service: "web"), transport)
            let endpoint = Endpoint(.loopback(transport == .udp ? udp.port : tcp.port), isLocal: isLocal)
            await relay.serve(
                id, with: Balancer(inOrder: [endpoint]), policy: ServicePolicy(sourcePreservation: policy))
            let (door, address) = try await relay.open(id, on: .loopback(0))
            await relay.settle()
            let seen: String?
            if transport == .udp {
                let before = Set(udp.arrivals.sources.keys)
                let client = try UDPClient(to: address.port, from: SourcePreservationTests.client)
                #expect(try await client.ask("x") == "x", "and answers find the way back")
                seen = Set(udp.arrivals.sources.keys).subtracting(before).first
            } else {
                let client = try ScriptedPeer.connect(
                    to: address.port, from: SourcePreservationTests.client, script: [.receiveAll])
                seen = try await client.finished().received.text
            }
            await relay.close(door)
            return String(seen?.prefix { $0 != ":" } ?? "")
        }
    }

    @Test(.requires(.root, .networkNamespaces, .tool("ip")), arguments: [TransportProtocol.tcp, .udp])
    func endpointsOnThisMachineSeeTheirClients(transport: TransportProtocol) async throws {
        let lab = try await OwnResources.inOwnNetwork(ports: 40_000...50_000) { try Lab.make() }
        let plain = "127.0.0.1"
        #expect(try await lab.source(transport, SourcePreservation()) == Self.client)
        #expect(try await lab.source(transport, nil) == plain, "only if it is asked for")
        #expect(try await lab.source(transport, isLocal: false, SourcePreservation()) == plain, "only on this machine")
        let excluded = SourcePreservation(excluded: [try #require(IPPrefix("127.0.0.8/31"))])
        #expect(try await lab.source(transport, excluded) == plain)
        #expect(lab.losses.withLock { $0.isEmpty })
        #expect(await lab.relay.stop())
    }

    @Test(.requires(.root, .networkNamespaces, .tool("ip")))
    func oneClientMayHaveManyConnections() async throws {
        // More connections than there are ports, to several endpoints.
        let ports = 40_000...40_009 as ClosedRange<UInt16>
        let told = Locked(0)
        let (relay, servers) = try await OwnResources.inOwnNetwork(ports: ports) {
            // Nothing is worth telling: no attempt fails, and no address is lost.
            let configuration = RelayConfiguration(workers: 1, budget: DescriptorBudget(limit: 1024))
            let relay = try Relay(configuration) { _ in told.withLock { $0 += 1 } }
            // Their own ports are none of those that connections may have.
            return (relay, try [80, 81, 82].map { try ScriptedServer(port: $0, script: [.echo]) })
        }
        let id = ServicePortID(ServicePortName(namespace: "default", service: "web"), .tcp)
        let balancer = Balancer(inOrder: servers.map { Endpoint(.loopback($0.port), isLocal: true) })
        await relay.serve(id, with: balancer, policy: ServicePolicy(sourcePreservation: SourcePreservation()))
        let port = try await relay.open(id, on: .loopback(0)).address.port
        let leave = Cue()
        let clients = try (0..<24).map { _ in
            try ScriptedPeer.connect(to: port, from: Self.client, script: [.send("x"), .expect("x"), .wait(leave)])
        }
        #expect(await eventually { clients.allSatisfy { $0.progress.received.count == 1 } })
        leave.give()
        for client in clients { _ = try await client.finished() }
        #expect(servers.map(\.accepted) == [8, 8, 8])
        #expect(told.withLock { $0 } == 0)
        #expect(await relay.stop())
    }

    @Test(.requires(.ordinaryUser))
    func whoMayNotImitateServesAllTheSameAndSaysSo() async throws {
        await #expect(processExitsWith: .success) {
            try OrdinaryUser.become()
            let lab = try Lab.make()
            for transport in [TransportProtocol.tcp, .udp] {
                for _ in 0..<3 { #expect(try await lab.source(transport, SourcePreservation()) == "127.0.0.1") }
            }
            let told = lab.losses.withLock { events in
                events.compactMap { event in
                    if case .sourceNotPreserved(let port, let error) = event {
                        (port.transport, error.code)
                    } else {
                        nil
                    }
                }
            }
            #expect(told.map(\.0) == [.tcp, .udp], "once for each service port")
            #expect(told.allSatisfy { $0.1 == EPERM })
            #expect(await lab.relay.stop())
        }
    }
}

/// Tells every client the address that it comes from, as it sees it.
private final class SourceServer: Sendable {
    let port: UInt16
    private let listener: Descriptor
    private let thread: LoopThread
    private let loop: EventLoop

    init() throws {
        let socket = try TCPSocket.listen(on: .loopback(port: 0))
        port = try TCPSocket.localAddress(of: socket).port
        let raw = socket.raw
        listener = socket
        let loop = try EventLoop()
        try loop.watchListener(listener, token: 1)
        self.loop = loop
        thread = try LoopThread(name: "sources") {
            _ = loop.run { _, _ in
                let listener = Descriptor(owning: raw)
                if case .accepted(let client, let peer) = TCPSocket.accept(from: listener) {
                    _ = Array(peer.description.utf8).withUnsafeBytes { client.write($0) }
                }
                _ = listener.release()
            }
        }
    }

    deinit {
        loop.stop()
        thread.join()
    }
}
