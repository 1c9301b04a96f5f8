import Balancing
import Base
import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Relay

/// An endpoint that nobody listens at, whose port is one of those that the kernel chooses connections' own ports from: a
/// connection to it may come to itself, which is as good as refused.
@Suite(.timeLimit(.minutes(1))) struct SelfConnectionTests {
    /// The only port there is for connections.
    private static let only: UInt16 = 40_001

    @Test(.requires(.root, .networkNamespaces, .tool("ip")))
    func aConnectionToItselfIsAFailedAttempt() async throws {
        let failures = Locked<[DialFailure]>([])
        let (relay, live) = try await OwnResources.inOwnNetwork(ports: Self.only...Self.only) {
            let configuration = RelayConfiguration(workers: 1, budget: DescriptorBudget(limit: 1024))
            let relay = try Relay(configuration) { event in
                if case .dialFailed(let failure) = event { failures.withLock { $0.append(failure) } }
            }
            return (relay, try ScriptedServer(port: 80, script: [.send("live"), .shutdownWrite, .receiveAll]))
        }
        let id = ServicePortID(ServicePortName(namespace: "default", service: "web"), .tcp)
        await relay.serve(id, with: RelayHarness.balancer([Self.only, live.port]))
        let port = try await relay.open(id, on: .loopback(0)).address.port
        let client = try ScriptedPeer.connect(to: port, script: [.send("x"), .shutdownWrite, .receiveAll])
        #expect(try await client.finished().received.text == "live")
        #expect(failures.withLock { $0.map(\.code) } == [ECONNREFUSED])

        await relay.serve(id, with: RelayHarness.balancer([Self.only]))
        await relay.settle()
        let other = try ScriptedPeer.connect(to: port, script: [.send("x"), .receiveReset])
        #expect(await other.report().received.count == 0)
        #expect(failures.withLock { $0.count } == 5)
        #expect(await relay.stop())
    }

    @Test(.requires(.root, .networkNamespaces, .tool("ip")))
    func aProbeThatComesToItselfHasFailed() async throws {
        let worker = try await OwnResources.inOwnNetwork(ports: Self.only...Self.only) {
            let worker = try LoneWorker()
            worker.worker.serve(
                ServicePortID(ServicePortName(namespace: "default", service: "web"), .tcp),
                by: ServiceRoute(RelayHarness.balancer([Self.only]), ServicePolicy()))
            try worker.run()
            return worker
        }
        let pause: UInt64? = try await worker.perform { worker in
            guard let port = worker.ports.values.first, let endpoint = port.route.balancer.endpoints.first,
                worker.probes.count == 0
            else { return nil }
            worker.eject(endpoint, of: port)
            guard let id = worker.probes.ids.first else { return nil }
            let probe = worker.probes[id.index]
            worker.probeIsDue(id, probe)
            // The kernel may tell at once.
            if probe.pointee.socket.isOpen { worker.probeEvent(id) }
            return endpoint.isEjected && !probe.pointee.socket.isOpen ? probe.pointee.pause : nil
        }
        #expect(pause == 4 * Probe.firstPause, "the next one is later")
        worker.stop()
    }

    @Test(.requires(.root, .networkNamespaces, .tool("ip")))
    func nobodyGetsItsOwnDatagramsBack() async throws {
        let failures = Locked<[DialFailure]>([])
        let (relay, live) = try await OwnResources.inOwnNetwork(ports: Self.only...Self.only) {
            let configuration = RelayConfiguration(workers: 1, budget: DescriptorBudget(limit: 1024))
            let relay = try Relay(configuration) { event in
                if case .dialFailed(let failure) = event { failures.withLock { $0.append(failure) } }
            }
            return (relay, try UDPServer(.echo(identity: "live "), port: 53))
        }
        let id = UDPHarness.id
        await relay.serve(id, with: UDPHarness.balancer([Self.only]))
        let port = try await relay.open(id, on: .loopback(0)).address.port
        try UDPClient(to: port).send("x")
        #expect(await eventually { await relay.settledSnapshot().ports[id]?.dropped == 1 })
        #expect(await relay.settledSnapshot().ports[id]?.datagramsDown == 0)
        #expect(failures.withLock { !$0.isEmpty && $0.allSatisfy { $0.code == ECONNREFUSED } })

        await relay.serve(id, with: UDPHarness.balancer([Self.only, live.port]))
        await relay.settle()
        #expect(try await UDPClient(to: port).ask("x") == "live x")
        #expect(await relay.stop())
    }
}
