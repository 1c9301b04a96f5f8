import Balancing
import Base
import EventLoop
import Objects
import Relay
import Status

/// What `portico dev` prints: tables for people, or one JSON object a line for programs.
struct DevReport: Sendable {
    let format: OutputFormat
    let output: StandardStream

    /// Everything that is served from now on. Scripts wait for this.
    ///
    /// - Parameters:
    ///   - files: there are manifests that may change.
    ///   - dns: where DNS queries are answered.
    ///   - command: what is run now.
    func listening(
        _ services: [ObjectKey: ServedService], problems: [Problem], files: Bool, dns: SocketAddress?, command: String?
    ) {
        let ports = services.sorted { $0.key < $1.key }.flatMap(\.value.ports)
        switch format {
        case .json:
            let address = dns.map { [("dns", JSONValue.string("\($0)"))] } ?? []
            output.write(JSONLine(event("listening", ports, problems) + address))
        case .text:
            output.write(table(ports).rendered(inColour: output.takesColour))
            if let dns { output.write("\nDNS on \(dns), UDP and TCP.\n") }
            let end = command.map { "Running \($0)." } ?? "Ctrl-C ends."
            output.write(files ? "\nReady. Manifests are read again when they change. \(end)\n" : "\nReady. \(end)\n")
        }
    }

    /// What a step has made different.
    ///
    /// - Parameter problems: all that there are now.
    func changed(_ change: StatusChange, problems: [Problem]) {
        var (different, gone) = ([PortStatus](), [ServicePortID]())
        for (_, service) in change.services.sorted(by: { $0.key < $1.key }) {
            let (before, after) = (service.before?.ports ?? [], service.after?.ports ?? [])
            different += after.filter { !before.contains($0) }
            gone += before.map(\.id).filter { id in !after.contains { $0.id == id } }
        }
        switch format {
        case .json:
            let removed = JSONValue.array(gone.map { .string("\($0)") })
            output.write(JSONLine(event("changed", different, problems) + [("removed", removed)]))
        case .text:
            if !different.isEmpty {
                output.write("\nChanged:\n" + table(different).rendered(inColour: output.takesColour))
            }
            for id in gone { output.write("\nGone: \(id)\n") }
        }
    }

    /// One connection that has ended.
    func connection(_ record: ConnectionRecord) {
        let endpoint = record.endpoint.map { "\($0.podName.isEmpty ? "" : $0.podName + " ")\($0.address)" } ?? "-"
        switch format {
        case .json:
            output.write(
                JSONLine([
                    ("event", .string("connection")), ("service", .string("\(record.port)")),
                    ("client", .string("\(record.client)")),
                    ("endpoint", record.endpoint.map { .string("\($0.address)") } ?? .null),
                    ("pod", record.endpoint.map { .string($0.podName) } ?? .null),
                    ("attempts", .integer(record.attempts)), ("bytesUp", .integer(Int(record.bytesUp))),
                    ("bytesDown", .integer(Int(record.bytesDown))),
                    ("milliseconds", .integer(Int(record.milliseconds))), ("outcome", .string(record.outcome.rawValue)),
                ]))
        case .text:
            output.write(
                "\(record.port)  \(record.client) → \(endpoint)  up \(Bytes.text(record.bytesUp))  "
                    + "down \(Bytes.text(record.bytesDown))  \(record.milliseconds) ms  \(record.outcome.rawValue)\n")
        }
    }

    /// What came of it all.
    func summary(_ snapshot: RelaySnapshot) {
        let sum = snapshot.sum
        let ports = snapshot.ports.sorted { $0.key < $1.key }
        switch format {
        case .json:
            let services = ports.map { id, counters in
                JSONValue.object([("service", .string("\(id)"))] + fields(counters))
            }
            output.write(
                JSONLine([("event", .string("summary"))] + fields(sum) + [("services", .array(services))]))
        case .text:
            var table = Table(
                ("SERVICE", .leading), ("CONNECTIONS", .trailing), ("TO PODS", .trailing), ("TO CLIENTS", .trailing),
                ("FAILURES", .trailing))
            // Those that nobody used say nothing.
            for (id, counters) in ports where counters != PortCounters() { table.addRow(row("\(id)", counters)) }
            if ports.count != 1 || snapshot.total.removed != PortCounters() { table.addRow(row("total", sum)) }
            output.write("\n" + table.rendered(inColour: output.takesColour))
        }
    }

    // MARK: Pieces

    private func row(_ name: String, _ counters: PortCounters) -> [StyledText] {
        [
            StyledText(name), StyledText("\(counters.accepted)"), StyledText(Bytes.text(counters.bytesUp)),
            StyledText(Bytes.text(counters.bytesDown)), StyledText("\(counters.refused + counters.broken)"),
        ]
    }

    private func fields(_ counters: PortCounters) -> [(String, JSONValue)] {
        [
            ("connections", .integer(Int(counters.accepted))), ("bytesUp", .integer(Int(counters.bytesUp))),
            ("bytesDown", .integer(Int(counters.bytesDown))),
            ("failures", .integer(Int(counters.refused + counters.broken))),
            ("dialFailures", .integer(Int(counters.dialFailures))),
            ("datagramsUp", .integer(Int(counters.datagramsUp))),
            ("datagramsDown", .integer(Int(counters.datagramsDown))),
            ("datagramsDropped", .integer(Int(counters.dropped))),
            ("ejections", .integer(Int(counters.ejections))),
            ("readmissions", .integer(Int(counters.readmissions))),
            ("held", .integer(Int(counters.heldInAll))), ("holdTimeouts", .integer(Int(counters.holdTimeouts))),
        ]
    }

    private func table(_ ports: [PortStatus]) -> Table {
        var table = Table("SERVICE", "ADDRESS", "ENDPOINTS")
        for port in ports {
            let addresses = port.doors.map { door in
                guard let address = door.listening else { return "(\(door.wanted) failed)" }
                return door.isRemapped ? "\(address) (for \(door.wanted.port))" : "\(address)"
            }
            table.addRow(
                StyledText("\(port.id)", .bold), StyledText(addresses.joined(separator: ", ")),
                StyledText(Self.endpoints(port.endpoints)))
        }
        return table
    }

    /// A few endpoints by name; a table is for looking at.
    private static func endpoints(_ endpoints: [EndpointStatus]) -> String {
        guard !endpoints.isEmpty else { return "none" }
        let shown = endpoints.prefix(4).map { $0.podName.isEmpty ? "\($0.address)" : "\($0.podName) \($0.address)" }
        let rest = endpoints.count - shown.count
        return shown.joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
    }

    private func event(_ name: String, _ ports: [PortStatus], _ problems: [Problem]) -> [(String, JSONValue)] {
        let services = ports.map { port in
            JSONValue.object([
                ("service", .string("\(port.id)")), ("namespace", .string(port.id.name.namespace)),
                ("name", .string(port.id.name.service)), ("portName", .string(port.id.name.port)),
                ("protocol", .string(port.id.transport.rawValue)),
                (
                    "addresses",
                    .array(port.doors.compactMap { door in door.listening.map { .string("\($0)") } })
                ),
                (
                    "endpoints",
                    .array(
                        port.endpoints.map {
                            .object([("address", .string("\($0.address)")), ("pod", .string($0.podName))])
                        })
                ),
            ])
        }
        return [
            ("event", .string(name)), ("services", .array(services)),
            ("problems", .array(problems.map { .string("\($0)") })),
        ]
    }
}
