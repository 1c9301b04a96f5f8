import Base
import Proxy
import Redirect
import Relay

/// What `portico daemon` prints: a line for people when it is ready, and one JSON object a line for programs. What goes on
/// from there is told by the log.
struct NodeReport: Sendable {
    let format: OutputFormat
    let output: StandardStream
    let node: String

    /// All that is wanted is served. Scripts wait for this.
    func listening(_ served: NodeProxy.Served, _ kernel: KernelResult, problems: [Problem], after time: Duration) {
        switch format {
        case .json: output.write(JSONLine(event("listening", served, kernel, problems, after: time)))
        case .text:
            let rules =
                kernel.families.isEmpty
                ? "no rules: node ports only"
                : kernel.inForce.isEmpty ? "no rules yet" : "rules for \(families(kernel)) in force"
            let count = problems.count
            let problems = count == 0 ? "" : count == 1 ? ", 1 problem" : ", \(count) problems"
            output.write(
                "Node \(node): \(served.portCount) ports of \(served.serviceCount) Services, \(rules)\(problems), "
                    + "after \(milliseconds(time)) ms. SIGTERM ends it in an orderly way.\n")
        }
    }

    /// A change is in force.
    func changed(_ served: NodeProxy.Served, _ kernel: KernelResult, problems: [Problem]) {
        guard format == .json else { return }
        output.write(JSONLine(event("changed", served, kernel, problems, after: kernel.duration)))
    }

    /// What came of it all.
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
                "Node \(node): \(sum.accepted) connections, \(Bytes.text(sum.bytesUp)) to pods, "
                    + "\(Bytes.text(sum.bytesDown)) to clients, \(sum.refused + sum.broken) failures.\n")
        }
    }

    private func event(
        _ name: String, _ served: NodeProxy.Served, _ kernel: KernelResult, _ problems: [Problem], after time: Duration
    ) -> [(String, JSONValue)] {
        [
            ("event", .string(name)), ("node", .string(node)), ("services", .integer(served.serviceCount)),
            ("servicePorts", .integer(served.portCount)),
            ("redirected", .array(kernel.inForce.map { .string("\($0)") })),
            ("inForce", .bool(kernel.isInForce)), ("milliseconds", .number(Self.milliseconds(time))),
            ("processes", .integer(kernel.cost.processes)), ("bytes", .integer(kernel.cost.bytes)),
            ("problems", .array(problems.map { .string("\($0)") })),
        ]
    }

    private func families(_ kernel: KernelResult) -> String {
        kernel.inForce.map { $0 == .ipv4 ? "IPv4" : "IPv6" }.joined(separator: " and ")
    }

    private func milliseconds(_ duration: Duration) -> Int { Int(Self.milliseconds(duration)) }

    private static func milliseconds(_ duration: Duration) -> Double {
        (duration / .microseconds(100)).rounded() / 10
    }
}
