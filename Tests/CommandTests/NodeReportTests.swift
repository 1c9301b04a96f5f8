import Base
import Objects
import Relay
import Status
import Testing

@testable import portico

@Suite("What portico daemon prints") struct NodeReportTests {
    private let board = StatusBoard()
    private let problem = Problem(.error, .listener, subject: "default/web:http", "cannot listen")

    private func listening(
        _ format: OutputFormat, services: Int = 2, ports: Int = 3, problems: [Problem] = [], rules: RulesStatus?
    ) throws -> String {
        board.update {
            ($0.serviceCount, $0.portCount) = (services, ports)
            $0.replace(problems, of: .services)
            if let rules { $0.update(rules: rules) }
        }
        return try said { stream in
            let report = NodeReport(format: format, output: stream, node: "node1")
            board.read { report.listening($0) }
        }
    }

    /// How long it took is different each time.
    private func line(
        services: Int = 2, ports: Int = 3, problems: [Problem] = [], rules: RulesStatus?
    ) throws -> String {
        let text = try listening(.text, services: services, ports: ports, problems: problems, rules: rules)
        return text.replacing(/after \d+ ms/, with: "after N ms")
    }

    @Test("People read what is served and whether rules lead there")
    func people() throws {
        let end = "after N ms. SIGTERM ends it in an orderly way.\n"
        #expect(
            try line(rules: RulesStatus(inForce: [.ipv4, .ipv6]))
                == "Node node1: 3 ports of 2 Services, rules for IPv4 and IPv6 in force, \(end)")
        #expect(
            try line(services: 1, ports: 1, problems: [problem], rules: RulesStatus(inForce: [.ipv6], isInForce: false))
                == "Node node1: 1 port of 1 Service, rules for IPv6 in force, 1 problem, \(end)")
        let more = [problem, Problem(.warning, .node, "no address")]
        #expect(
            try line(problems: more, rules: RulesStatus(inForce: [], isInForce: false))
                == "Node node1: 3 ports of 2 Services, no rules yet, 2 problems, \(end)")
        #expect(
            try line(rules: RulesStatus(isNone: true))
                == "Node node1: 3 ports of 2 Services, no rules: node ports only, \(end)")
    }

    @Test("Programs read one object for the start, and one for each time that all is in force or cannot be")
    func programs() throws {
        let rules = RulesStatus(
            inForce: [.ipv4], isInForce: true, duration: .microseconds(2449), processes: 1, bytes: 436)
        let first = try listening(.json, problems: [problem], rules: rules)
        #expect(
            first.hasPrefix(
                #"{"event":"listening","node":"node1","services":2,"servicePorts":3,"redirected":["ipv4"],"#))
        let change = board.update { $0.update(rules: rules) }
        func changed(_ format: OutputFormat, _ change: StatusChange) throws -> String {
            try said { NodeReport(format: format, output: $0, node: "node1").changed(change, board) }
        }
        #expect(
            try changed(.json, change)
                == #"{"event":"changed","node":"node1","services":2,"servicePorts":3,"redirected":["ipv4"],"inForce":true,"#
                + #""milliseconds":2.4,"processes":1,"bytes":436,"problems":["default/web:http: cannot listen"]}"#
                + "\n")
        #expect(try changed(.text, change).isEmpty, "the log has it")
        let other = board.update { $0.replace([], of: .services) }
        #expect(try changed(.json, other).isEmpty, "nothing has come in force by that")
    }

    @Test("What could not be told is counted for programs, and the end has the sums")
    func end() throws {
        func say(_ format: OutputFormat, _ body: (NodeReport) -> Void) throws -> String {
            try said { body(NodeReport(format: format, output: $0, node: "node1")) }
        }
        #expect(try say(.json) { $0.missed(2, StatusBoard()) } == #"{"event":"dropped","dropped":2}"# + "\n")
        #expect(try say(.text) { $0.missed(2, StatusBoard()) }.isEmpty)
        var snapshot = RelaySnapshot()
        snapshot.total.removed.accepted = 4
        snapshot.total.removed.bytesUp = 1536
        snapshot.total.removed.broken = 1
        #expect(
            try say(.text) { $0.summary(snapshot) }
                == "Node node1: 4 connections, 1.50 KiB to pods, 0 B to clients, 1 failure.\n")
        #expect(
            try say(.json) { $0.summary(snapshot) }.hasPrefix(
                #"{"event":"summary","node":"node1","connections":4,"bytesUp":1536,"bytesDown":0,"#))
    }
}
