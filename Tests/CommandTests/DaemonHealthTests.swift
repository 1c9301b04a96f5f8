import Base
import Proxy
import Redirect
import Relay
import Status
import TestSupport
import Testing

@testable import portico

extension KernelResult {
    /// Of IPv4 alone.
    fileprivate init(_ outcome: Result<KernelOutcome, RedirectError>) {
        self.init(families: [.ipv4: FamilyResult(outcome)])
    }

    fileprivate static let inForce = KernelResult(.success(.applied(lines: 3)))
    fileprivate static let unchanged = KernelResult(.success(.unchanged))
    fileprivate static let failed = KernelResult(.failure(.timedOut(program: "iptables", seconds: 30)))
}

@Suite("What a daemon says of rules that cannot be put right", .timeLimit(.minutes(1))) struct DaemonHealthTests {
    private func isAlive(_ port: UInt16) async throws -> Bool {
        let text = "GET /livez HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n"
        let client = try ScriptedPeer.connect(to: port, script: [.send(text), .receiveAll])
        return try await client.finished().received.text.hasPrefix("HTTP/1.1 200")
    }

    @Test("They are overdue in their time, also if the change came during the attempt before, or there was none")
    func overdue() async throws {
        let port = try freePort()
        let health = try DaemonHealth(
            at: EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: port), families: [.ipv4],
            syncPeriod: .milliseconds(1), isShared: false, status: StatusBoard(),
            budget: DescriptorBudget(limit: 256))
        _ = health.update(NodeProxy.Served(), isChange: true)
        // A change comes, while the rules are brought in force for the one before.
        _ = health.update(NodeProxy.Served(), isChange: true)
        health.update(.inForce)
        #expect(try await isAlive(port))
        health.update(.failed)
        #expect(await eventually { (try? await isAlive(port)) == false })
        health.update(.inForce)
        #expect(try await isAlive(port))
        health.close()
    }

    @Test("Where others have broken them, and nothing of ours has changed, they are told as not in force")
    func status() {
        let board = StatusBoard()
        func told(_ kernel: KernelResult, isAwaited: Bool = false) -> [Bool?] {
            let change = board.update { $0.update(kernel, isAwaited: isAwaited) }
            return [change.rules?.isInForce, board.read { $0.rules?.isInForce }]
        }
        #expect(told(.inForce, isAwaited: true) == [true, true])
        #expect(told(.unchanged) == [nil, true])
        #expect(told(.failed) == [false, false])
        #expect(board.read { $0.problemCount } == 1)
        // Once, however often it is tried.
        #expect(told(.failed) == [nil, false])
        #expect(told(.unchanged) == [true, true])
        #expect(told(.unchanged, isAwaited: true) == [true, true])
        #expect(board.read { $0.problemCount } == 0)
    }
}
