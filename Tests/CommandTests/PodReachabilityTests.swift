import Balancing
import Base
import EventLoop
import Glibc
import Logging
import Objects
import Status
import Testing

@testable import Relay
@testable import portico

/// Pods that cannot be reached from here (docs/behaviour.md, B12.10).
@Suite("Pods out of reach") struct PodReachabilityTests {
    private let board = StatusBoard()
    private let reachability: PodReachability

    init() {
        reachability = PodReachability(
            StatusTeller(board, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }),
            PodReach(.direct, connect: { _, _, _ in }))
    }

    private func ended(
        _ outcome: ConnectionRecord.Outcome, _ error: Int32 = 0, service: String = "web", port: String = "http"
    ) {
        let id = ServicePortID(ServicePortName(namespace: "shop", service: service, port: port), .tcp)
        reachability.take(
            ConnectionRecord(
                port: id, client: .loopback(port: 1), endpoint: nil, attempts: 4, bytesUp: 0, bytesDown: 0,
                milliseconds: 3_750, outcome: outcome, dialError: error))
    }

    private var problems: [String] { board.read { $0.problems.map(\.description) } }

    @Test(
        "It is one problem of the Service, however many try, until it has worked",
        arguments: [
            (EHOSTUNREACH, "no route to host"), (ENETUNREACH, "network is unreachable"),
            (ETIMEDOUT, "no answer in time"),
        ])
    func once(code: Int32, reason: String) async {
        let changes = board.reader()
        for port in ["http", "https", "http"] { ended(.unreachable, code, port: port) }
        ended(.unreachable, ETIMEDOUT)
        #expect(problems.count == 1)
        #expect(problems[0].hasPrefix("Service shop/web: none of its endpoints that were tried can be reached"))
        #expect(problems[0].contains("(\(reason))"))
        ended(.unreachable, code, service: "db")
        #expect(problems.count == 2)
        ended(.completed)
        #expect(problems.count == 1 && problems[0].contains("shop/db"))
        ended(.unreachable, code)
        #expect(problems.count == 2)
        board.finish()
        var steps = 0
        for await _ in changes { steps += 1 }
        #expect(steps == 4, "nobody is told the same twice")
    }

    @Test("Pods that refuse, clients that leave and drains say nothing about that")
    func otherEnds() {
        ended(.unreachable, ECONNREFUSED)
        for outcome in [ConnectionRecord.Outcome.noEndpoint, .abandoned, .exhausted, .drained] {
            ended(outcome, ETIMEDOUT)
        }
        #expect(problems == [])
        ended(.unreachable, ETIMEDOUT)
        for outcome in [ConnectionRecord.Outcome.noEndpoint, .abandoned, .exhausted, .drained] { ended(outcome) }
        ended(.unreachable, ECONNREFUSED)
        #expect(problems.count == 1)
        ended(.endpointReset)
        #expect(problems == [])
    }

    @Test("A Service that goes takes it along")
    func gone() {
        ended(.unreachable, ETIMEDOUT)
        reachability.forget([ObjectKey(namespace: "shop", name: "db")])
        #expect(problems.count == 1)
        reachability.forget([ObjectKey(namespace: "shop", name: "web")])
        #expect(problems == [])
    }
}
