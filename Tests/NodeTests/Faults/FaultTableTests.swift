import Foundation
import TestSupport
import Testing

/// The table "Fault, metric, log line, alert" of docs/troubleshooting.md: each fault is caused, and what the table says of it is
/// what happens.
@Suite("Faults, and what is seen of them", FaultNode.requirements, .serialized, .timeLimit(.minutes(2)))
struct FaultTableTests {
    private let table: FaultTable
    private let alerts: AlertRules

    init() throws {
        func read(_ path: String) throws -> String {
            try String(contentsOfFile: "\(Lab.repository)/\(path)", encoding: .utf8)
        }
        table = try FaultTable(read("docs/troubleshooting.md"))
        alerts = try AlertRules(read("deploy/prometheus/rules.yaml"))
    }

    @Test("Each row of the table is caused here, and nothing else is")
    func completeness() {
        #expect(table.rows.map(\.fault) == Fault.all.map(\.name))
    }

    @Test("What the table says of a fault", arguments: Fault.all)
    func fault(_ fault: Fault) async throws {
        let row = try #require(table.row(fault.name), "there is no such row")
        let node = try await FaultNode()
        try await fault.prepare(node)
        let before = try await node.scrape() ?? MetricScrape()
        node.forgetLog()
        try await fault.cause(node)

        try #require(!node.hasDied, "\(node.log.joined(separator: "\n"))")
        var after = MetricScrape()
        _ = try await eventually(within: .seconds(30), every: .milliseconds(100)) {
            after = try await node.scrape() ?? MetricScrape()
            return row.metrics.allSatisfy { $0.holds(before, after) } && after.isBalanced
        }
        for claim in row.metrics {
            let holds = claim.holds(before, after)
            #expect(holds, "\(claim.found(before, after)): \(node.log.joined(separator: "\n"))")
        }
        #expect(after.isBalanced, "who was accepted is open or has ended")
        for line in row.lines {
            let isThere = await eventually { node.log.contains(where: line.matches) }
            #expect(isThere, "\(line): \(node.log.joined(separator: "\n"))")
            // What goes on is told once a minute.
            #expect(node.log.count(where: line.matches) == 1, "\(node.log.joined(separator: "\n"))")
        }
        for name in row.alerts {
            let alert = try #require(alerts.alert(name), "there is no such alert")
            let scrape = MetricScrape(samples: node.seen.flatMap(\.samples))
            #expect(alert.missing(in: scrape).isEmpty, "\(name) asks for what is not there")
        }
        try await node.end()
    }
}

extension MetricScrape {
    /// Over TCP, whoever was accepted is open or has ended; over UDP there are no ends.
    fileprivate var isBalanced: Bool {
        let accepted = sum("portico_accepted_total") - sum(#"portico_service_accepted_total{protocol="UDP"}"#)
        return accepted == sum("portico_connections") + sum("portico_connections_ended_total")
    }
}
