import Balancing
import Base
import Objects
import Status
import TestSupport
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

    @Test func itCountsWhatIsServed() {
        func served(_ name: String) -> ServedService {
            var service = service(name, ports: 2)
            let ip = IPAddress(v4: 1)
            service.ports[1].endpoints = [ServiceEndpoint(address: EndpointAddress(ip: ip, port: 80))]
            return service
        }
        let first = board.update {
            $0.update(services: [key("a"): service("a"), key("b"): served("b"), key("headless"): ServedService()])
        }
        #expect(first.servedBefore == ServedCount() && board.read { $0.served } == ServedCount(served: 1, all: 2))
        let second = board.update { $0.update(services: [key("a"): served("a")]) }
        #expect(second.servedBefore == ServedCount(served: 1, all: 2))
        #expect(board.read { $0.served } == ServedCount(served: 2, all: 2))
        let third = board.update { $0.update(services: [key("a"): nil, key("b"): service("b")]) }
        #expect(third.servedBefore != nil && board.read { $0.served } == ServedCount(served: 0, all: 1))
        #expect(board.update { $0.enter(.serving) }.servedBefore == nil)
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

    @Test("What was wrong with a Service, and what explained it, goes with the Service")
    func gone() {
        let problem = Problem(.error, .listener, subject: "default/a", "cannot listen")
        let note = Note("headless", isDetail: false)
        board.update { $0.update(services: [key("a"): service("a", notes: [note], problems: [problem])]) }
        #expect(board.read { $0.problemCount } == 1)
        let change = board.update { $0.update(services: [key("a"): nil]) }
        #expect(change.problems == Difference(over: [problem]) && change.notes == Difference(over: [note]))
        #expect(board.read { $0.problemCount } == 0)
        #expect(board.update { $0.update(services: [key("a"): nil]) }.isEmpty, "who is not there cannot go")
    }

    @Test("A Service that comes and goes in one step was never there; one that goes and comes back may differ")
    func twiceInOneStep() {
        let change = board.update {
            $0.update(services: [key("a"): service("a")])
            $0.update(services: [key("a"): nil])
        }
        #expect(change.isEmpty)
        board.update { $0.update(services: [key("a"): service("a")]) }
        let other = board.update {
            $0.update(services: [key("a"): nil])
            $0.update(services: [key("a"): service("a", ports: 2)])
        }
        #expect(other.services[key("a")]?.before == service("a"))
        #expect(other.services[key("a")]?.after == service("a", ports: 2))
    }

    @Test("Sums and names that nobody is told of are there to be read")
    func sums() {
        let change = board.update {
            ($0.serviceCount, $0.portCount, $0.names) = (2, 3, "127.0.0.1:53")
        }
        #expect(change.isEmpty)
        #expect(board.read { ($0.serviceCount, $0.portCount) } == (2, 3))
        #expect(board.read { $0.names } == "127.0.0.1:53")
    }

    @Test("A door is remapped where it is served on another port than was asked for, and not if any would do")
    func doors() throws {
        func isRemapped(_ wanted: UInt16, _ listening: UInt16?) -> Bool {
            let ip = IPAddress(v4: 0x7F40_0001)
            return DoorStatus(
                wanted: EndpointAddress(ip: ip, port: wanted),
                listening: listening.map { EndpointAddress(ip: ip, port: $0) }, problem: nil
            ).isRemapped
        }
        #expect(isRemapped(80, 8080))
        #expect(!isRemapped(80, 80) && !isRemapped(80, nil) && !isRemapped(0, 8080))
    }

    /// What readers put together from what they are told.
    @Test("Whoever hears of changes while many make them knows in the end what is there")
    func readers() async {
        let (board, rounds) = (board, 300)
        let reader = board.reader(room: 100_000)
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<4 {
                group.addTask {
                    var random = SeededRandom(UInt64(task))
                    for round in 0..<rounds {
                        let name = ObjectKey(namespace: "n", name: "\(Int.random(in: 0..<5, using: &random))")
                        let text = Bool.random(using: &random) ? "is wrong" : "is odd"
                        let problem = Problem(.error, .object, subject: "\(name)", text)
                        let service = ServedService(ports: [], notes: [], problems: [problem])
                        board.update { $0.update(services: [name: round % 3 == 0 ? nil : service]) }
                    }
                }
            }
        }
        board.finish()
        var (services, problems) = ([ObjectKey: ServedService](), Set<Problem>())
        for await item in reader {
            guard case .event(let change) = item else { return #expect(Bool(false), "there was room for all") }
            for (key, service) in change.services {
                #expect(services[key] == service.before, "each change follows the one before it")
                services[key] = service.after
            }
            #expect(problems.isDisjoint(with: change.problems.new))
            problems.formUnion(change.problems.new)
            problems.subtract(change.problems.over)
        }
        #expect(services == board.read { $0.services } && problems == Set(board.read { $0.problems }))
    }
}
