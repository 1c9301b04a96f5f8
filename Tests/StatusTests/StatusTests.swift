import Balancing
import Base
import Objects
import Status
import Testing

@Suite(.timeLimit(.minutes(1))) struct StatusTests {
    private let board = StatusBoard()

    private func key(_ name: String) -> ObjectKey { ObjectKey(namespace: "default", name: name) }

    private func service(
        _ name: String, ports: Int = 1, notes: [Note] = [], problems: [Problem] = []
    ) -> ServedService {
        let ids = (0..<ports).map {
            ServicePortID(ServicePortName(namespace: "default", service: name, port: "p\($0)"), .tcp)
        }
        return ServedService(ports: ids.map { PortStatus(id: $0) }, notes: notes, problems: problems)
    }

    @Test func aStepIsOneChangeWithWhatDiffersOnly() {
        let problem = Problem(.error, .listener, subject: "default/a", "cannot listen")
        let a = service("a", ports: 2, notes: [Note("headless", isDetail: true)], problems: [problem])
        let first = board.update {
            $0.update(services: [key("a"): a, key("b"): service("b"), key("gone"): nil])
            $0.enter(.serving)
        }
        #expect(first.phase == .serving && Set(first.services.keys) == [key("a"), key("b")])
        #expect(
            first.problems == Difference(new: [problem])
                && first.notes == Difference(new: [Note("headless", isDetail: true)]))
        #expect(board.read { $0.problems } == [problem])

        let second = board.update { $0.update(services: [key("a"): service("a"), key("b"): service("b")]) }
        #expect(Array(second.services.keys) == [key("a")])
        #expect(second.services[key("a")]?.before == a && second.services[key("a")]?.after == service("a"))
        #expect(second.problems == Difference(over: [problem]) && second.phase == nil)

        let third = board.update { $0.update(services: [key("a"): nil]) }
        #expect(third.services[key("a")]?.after == nil && third.services.count == 1)
        #expect(board.read { Array($0.services.keys) } == [key("b")])
    }

    @Test func whatIsAsItWasAtTheEndOfAStepIsNoChange() {
        board.update { $0.update(services: [key("a"): service("a")]) }
        let change = board.update {
            $0.update(services: [key("a"): service("a", ports: 2)])
            $0.update(services: [key("a"): service("a"), key("b"): service("b")])
            $0.update(services: [key("b"): nil])
        }
        #expect(change.isEmpty)
    }

    @Test func readersHearOfEveryChangeAndOfNothingElse() async {
        let reader = board.reader()
        board.update { $0.enter(.serving) }
        board.update { $0.enter(.serving) }
        board.update { _ in }
        board.update { $0.update(rules: RulesStatus()) }
        board.update { $0.update(rules: RulesStatus()) }
        board.update { $0.enter(.ended) }
        board.finish()
        var heard: [String] = []
        for await case .event(let change) in reader {
            heard.append(change.phase.map { "\($0)" } ?? "rules \(change.rules?.isInForce == true)")
        }
        #expect(heard == ["serving", "rules true", "rules true", "ended"])
    }
}
