import Balancing
import Base
import EventLoop
import Glibc
import TestSupport
import Testing

@testable import Relay

@Suite("A relay that serves one user only")
struct PeerTests {
    private func refusals(_ harness: RelayHarness) -> [UInt32?] {
        harness.events.withLock {
            $0.compactMap { if case .clientRefused(_, _, let user) = $0 { .some(user) } else { nil } }
        }
    }

    @Test("The own user is served")
    func own() async throws {
        let server = try ScriptedServer.identity("pod")
        let harness = try await RelayHarness(endpoints: [server.port]) { $0.servesOnlyOwnUser = true }
        for _ in 0..<20 { #expect(try await harness.answer() == "pod") }
        #expect(refusals(harness).isEmpty)
        await harness.stop()
    }

    @Test("All others are reset before anything is dialled, and are told of once")
    func others() async throws {
        let server = try ScriptedServer.identity("pod")
        let harness = try await RelayHarness(endpoints: [server.port], workers: 1) {
            $0.peers = PeerPolicy(user: geteuid() + 1)
        }
        for _ in 0..<20 { #expect(try await harness.isReset()) }
        #expect(server.accepted == 0)
        let counters = await harness.counters
        #expect(counters.accepted == 20 && counters.refused == 20 && counters.open == 0)
        await harness.relay.settledSnapshot().expectBalance()
        #expect(harness.records.map(\.outcome) == Array(repeating: .notAdmitted, count: 20))
        let told = refusals(harness)
        #expect(told.first == geteuid() && told.count < 20)
        await harness.stop()
    }

    @Test("Another user's program, beside ours", .requires(.root, .tool("setpriv"), .tool("bash")))
    func otherProgram() async throws {
        let server = try ScriptedServer.identity("pod")
        let harness = try await RelayHarness(endpoints: [server.port]) { $0.servesOnlyOwnUser = true }
        let script = "exec 3<>/dev/tcp/127.0.0.1/\(harness.port) && cat <&3"
        let result = try await runAsOrdinaryUser("/bin/bash", ["-c", script])
        #expect(!result.output.contains("pod"))
        #expect(try await harness.answer() == "pod")
        #expect(refusals(harness) == [OrdinaryUser.id])
        await harness.stop()
    }

    /// Everything is in a namespace of the test's own, with a cable to another one.
    @Test("A client of another network namespace", .requires(.root, .tool("ip"), .tool("nsenter"), .tool("bash")))
    func otherNamespace() async throws {
        let told = Locked<[RelayEvent]>([])
        let (worker, client) = try await OwnResources.inOwnNetwork(ports: 40_000...41_000) { try Self.begin(told) }
        let result = try await client.finished()
        #expect(result.output.contains("went as it came"), "\(result)")
        let refused = told.withLock { $0 }.compactMap { event in
            if case .clientRefused(_, let peer, let user) = event { "\(IPAddress(peer)) \(user == nil)" } else { nil }
        }
        #expect(refused == ["198.18.0.2 true"])
        #expect(worker.records.map(\.outcome) == [.notAdmitted])
        worker.stop()
    }

    private static func begin(_ told: Locked<[RelayEvent]>) throws -> (LoneWorker, ChildProcess) {
        let port = 8080
        let script = """
            echo ready; read; exec 3<>/dev/tcp/198.18.0.1/\(port) || exit 1; cat <&3; echo went as it came
            """
        let client = try ChildProcess(
            try #require(findProgram("unshare")), ["--net", "bash", "-c", script])
        let deadline = Deadline.within(.seconds(20))
        while !client.output.contains("ready"), !deadline.hasPassed { usleep(1000) }
        try OwnResources.run("ip", "link add v0 type veth peer name v1 netns \(client.pid)")
        try OwnResources.run("ip", "addr add 198.18.0.1/30 dev v0")
        try OwnResources.run("ip", "link set v0 up")
        let inside = "--net=/proc/\(client.pid)/ns/net ip"
        try OwnResources.run("nsenter", "\(inside) addr add 198.18.0.2/30 dev v1")
        try OwnResources.run("nsenter", "\(inside) link set v1 up")
        let worker = try LoneWorker {
            $0.servesOnlyOwnUser = true
        } react: { event in
            told.withLock { $0.append(event) }
        }
        let id = ServicePortID(ServicePortName(namespace: "default", service: "web"), .tcp)
        worker.worker.serve(id, by: ServiceRoute(RelayHarness.balancer([9]), ServicePolicy()))
        worker.worker.listen(1, try TCPSocket.listen(on: SocketAddress(v4: 0xC612_0001, port: UInt16(port))), for: id)
        try worker.run()
        try client.write("go\n")
        return (worker, client)
    }
}
