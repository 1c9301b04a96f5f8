import Balancing
import Base
import TestSupport
import Testing

@testable import Relay

/// UDP flows that end after so many replies.
@Suite struct ReplyLimitTests {
    @Test("A flow ends with its last reply, and the next datagram begins another; a change holds at once")
    func ends() async throws {
        let servers = try ["a", "b"].map { try UDPServer(.echo(identity: $0)) }
        let balancer = Balancer(inOrder: try servers.map { try .local($0.port) })
        let served = try await ServedPort(balancer, ServicePolicy(udpReplies: 2), transport: .udp) {
            // Silence must not end a flow here, however slow the machine is.
            $0.udpTimeout = 60_000
        }
        let client = try UDPClient(to: served.port)
        var answers: [String?] = []
        for _ in 0..<6 { answers.append(try await client.ask("x")) }
        #expect(answers == ["ax", "ax", "bx", "bx", "ax", "ax"])
        #expect(await eventually { await served.counters.open == 0 })

        await served.serve(balancer)
        answers = []
        for _ in 0..<4 { answers.append(try await client.ask("x")) }
        #expect(answers == ["bx", "bx", "bx", "bx"])
        #expect(await served.counters.open == 1)
        await served.relay.stop()
    }
}
