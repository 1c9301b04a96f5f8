import Balancing
import Base
import Manifests
import Resolution

/// What `portico check` prints: mistakes on standard error, what was found on standard output; for programs all of it
/// there.
struct CheckReport {
    let format: OutputFormat
    /// Each note, in place of one line for all of a kind.
    let listsNotes: Bool
    /// Each port, with its endpoints.
    let listsPorts: Bool

    func tell(_ findings: CheckFindings) {
        switch format {
        case .json: tellPrograms(findings)
        case .text: tellPeople(findings)
        }
    }

    // MARK: For people

    private func tellPeople(_ findings: CheckFindings) {
        for problem in findings.problems {
            StandardStream.error.write("\(problem.severity == .warning ? "warning: " : "")\(problem)".onOneLine + "\n")
        }
        for fact in findings.facts {
            if listsNotes {
                for detail in fact.details { StandardStream.error.write("note: \(detail.onOneLine)\n") }
            } else {
                let more = fact.details.count > 1 || fact.details.first != fact.text ? "; -v lists them" : ""
                StandardStream.error.write("note: \(fact.text.onOneLine)\(more)\n")
            }
        }
        if listsPorts {
            StandardStream.output.write(
                table(findings.ports).rendered(inColour: StandardStream.output.takesColour) + "\n")
        }
        StandardStream.output.write(verdict(findings) + "\n")
    }

    /// `no mistakes and 1 warning in 11 Services with 12 ports to serve: 4 have endpoints, 12 with --demo-pods`.
    private func verdict(_ findings: CheckFindings) -> String {
        let ports = findings.ports.count
        var text = findings.errors == 0 ? "no mistakes" : several(findings.errors, "mistake")
        if findings.warnings > 0 { text += " and \(several(findings.warnings, "warning"))" }
        text += " in \(several(findings.services, "Service")) with \(several(ports, "port")) to serve"
        guard ports > 0 else { return text }
        let (served, playable) = (findings.served, findings.playable)
        text += ": \(served == ports ? "all have endpoints" : "\(served) \(served == 1 ? "has" : "have") endpoints")"
        return playable > served ? text + ", \(playable == ports ? "all" : "\(playable)") with --demo-pods" : text
    }

    private func table(_ ports: [ServicePort]) -> Table {
        var table = Table("SERVICE", "CLUSTER-IP", "PORT", "ENDPOINTS")
        for port in ports {
            let number = "\(port.port)/\(port.transport.rawValue)" + (port.nodePort.map { ", node port \($0)" } ?? "")
            let addresses = port.endpoints.addresses.joined(separator: ", ")
            let absence = "none" + (port.absence.map { ": \($0.reason)" } ?? "")
            table.addRow(
                StyledText("\(port.name)"), StyledText(port.clusterIPs.map { "\($0)" }.joined(separator: ", ")),
                StyledText(number), StyledText(addresses.isEmpty ? absence : addresses))
        }
        return table
    }

    // MARK: For programs

    private func tellPrograms(_ findings: CheckFindings) {
        for problem in findings.problems { StandardStream.output.write(JSONLine(fields(of: problem))) }
        for detail in findings.facts.flatMap(\.details) {
            StandardStream.output.write(JSONLine([("event", "note"), ("message", .string(detail))]))
        }
        if listsPorts { for port in findings.ports { StandardStream.output.write(JSONLine(fields(of: port))) } }
        StandardStream.output.write(
            JSONLine([
                ("event", "summary"), ("errors", .integer(findings.errors)), ("warnings", .integer(findings.warnings)),
                ("services", .integer(findings.services)), ("servicePorts", .integer(findings.ports.count)),
                ("portsWithEndpoints", .integer(findings.served)),
                ("portsWithDemoPods", .integer(findings.playable)),
            ]))
    }

    private func fields(of port: ServicePort) -> [(String, JSONValue)] {
        [
            ("event", "servicePort"), ("service", .string("\(port.name)")),
            ("protocol", .string(port.transport.rawValue)), ("port", .integer(Int(port.port))),
            ("nodePort", port.nodePort.map { .integer(Int($0)) } ?? .null),
            ("clusterIPs", .array(port.clusterIPs.map { .string("\($0)") })),
            ("endpoints", .array(port.endpoints.addresses.map { .string($0) })),
            ("reason", port.absence.map { .string($0.reason) } ?? .null),
        ]
    }

    private func fields(of problem: ManifestProblem) -> [(String, JSONValue)] {
        [
            ("event", "problem"), ("severity", .string(problem.severity == .error ? "error" : "warning")),
            ("file", .string(problem.file)), ("line", problem.line.map { .integer($0) } ?? .null),
            ("document", problem.document.map { .integer($0) } ?? .null),
            ("object", problem.object.map { .string($0) } ?? .null),
            ("field", problem.field.map { .string($0) } ?? .null), ("message", .string(problem.message)),
        ]
    }
}

extension EndpointSelection {
    /// Of both families, as `kubectl get endpoints` has them.
    fileprivate var addresses: [String] { (ipv4.cluster + ipv6.cluster).map { "\($0.address)" } }
}
