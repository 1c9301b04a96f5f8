import Base
import Relay
import Status

/// What `portico daemon` prints: a line for people when it is ready, and one JSON object a line for programs. What goes
/// on from there is told by the log.
struct NodeReport: SessionReport {
    let format: OutputFormat
    let output: StandardStream
    let node: String
    let start = ContinuousClock.now

    func listening(_ status: Status) {
        let time = ContinuousClock.now - start
        let rules = status.rules ?? RulesStatus(isNone: true)
        switch format {
        case .json: output.write(JSONLine(event("listening", status, rules, after: time)))
        case .text:
            let inForce = rules.inForce.map { $0 == .ipv4 ? "IPv4" : "IPv6" }.joined(separator: " and ")
            let words =
                rules.isNone
                ? "no rules: node ports only" : inForce.isEmpty ? "no rules yet" : "rules for \(inForce) in force"
            let problems = status.problemCount == 0 ? "" : ", " + several(status.problemCount, "problem")
            output.write(
                "Node \(node): \(several(status.portCount, "port")) of \(several(status.serviceCount, "Service")), "
                    + "\(words)\(problems), "
                    + "after \(Int(Self.milliseconds(time))) ms. SIGTERM ends it in an orderly way.\n")
        }
    }

    /// Only of what is in force.
    func changed(_ change: StatusChange, _ board: StatusBoard) {
        guard format == .json, let rules = change.rules else { return }
        output.write(JSONLine(board.read { event("changed", $0, rules, after: rules.duration) }))
    }

    func missed(_ changes: Int, _ board: StatusBoard) {
        guard format == .json else { return }
        output.write(JSONLine(["event": "dropped", "dropped": .integer(changes)]))
    }

    func summary(_ snapshot: RelaySnapshot) {
        let sum = snapshot.sum
        switch format {
        case .json:
            output.write(
                JSONLine([
                    ("event", "summary"), ("node", .string(node)), ("connections", .integer(Int(sum.accepted))),
                    ("bytesUp", .integer(Int(sum.bytesUp))), ("bytesDown", .integer(Int(sum.bytesDown))),
                    ("datagramsUp", .integer(Int(sum.datagramsUp))),
                    ("datagramsDown", .integer(Int(sum.datagramsDown))),
                    ("failures", .integer(Int(sum.refused + sum.broken))),
                    ("endedByDrain", .integer(snapshot.total.endedByDrain)),
                ]))
        case .text:
            output.write(
                "Node \(node): \(several(sum.accepted, "connection")), \(Bytes.text(sum.bytesUp)) to pods, "
                    + "\(Bytes.text(sum.bytesDown)) to clients, \(several(sum.refused + sum.broken, "failure")).\n")
        }
    }

    private func event(
        _ name: String, _ status: Status, _ rules: RulesStatus, after time: Duration
    ) -> [(String, JSONValue)] {
        [
            ("event", .string(name)), ("node", .string(node)), ("services", .integer(status.serviceCount)),
            ("servicePorts", .integer(status.portCount)),
            ("redirected", .array(rules.inForce.map { .string("\($0)") })),
            ("inForce", .bool(rules.isInForce)), ("milliseconds", .number(Self.milliseconds(time))),
            ("processes", .integer(rules.processes)), ("bytes", .integer(rules.bytes)),
            ("problems", .array(status.problems.map { .string("\($0)") })),
        ]
    }

    private static func milliseconds(_ duration: Duration) -> Double {
        (duration / .microseconds(100)).rounded() / 10
    }
}
