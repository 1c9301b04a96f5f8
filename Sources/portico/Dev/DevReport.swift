import Balancing
import Base
import EventLoop
import Proxy
import Relay
import Status

/// What `portico dev` prints: tables for people, or one JSON object a line for programs.
struct DevReport: SessionReport {
    let format: OutputFormat
    let output: StandardStream
    /// Where Services come from whose changes are followed; nil where there are none.
    let followed: String?
    let reportsConnections: Bool
    /// The program that is run once all listens; nil for none.
    let command: String?
    /// Notices whose pods cannot be reached from here; nil where they are on this machine.
    var reachability: PodReachability?

    func listening(_ status: Status) {
        let services = status.services.sorted { $0.key < $1.key }.flatMap(\.value.ports)
        switch format {
        case .json:
            let dns = status.names.map { [("dns", JSONValue.string("\($0)"))] } ?? []
            let proxy = status.forwardProxy?.fields ?? []
            output.write(JSONLine(event("listening", services, status.problems) + status.served.fields + dns + proxy))
        case .text:
            output.write(table(services).rendered(inColour: output.takesColour))
            output.write("\n\(status.served.sentence)\n")
            if let dns = status.names { output.write("\nDNS on \(dns), UDP and TCP.\n") }
            if let proxy = status.forwardProxy { output.write("\n\(proxy.sentences(services))\n") }
            let end = command.map { "Running \($0)." } ?? "Ctrl-C ends."
            let follows = followed.map { " \($0) are followed." } ?? ""
            output.write("\n\(status.served.readiness)\(follows) \(end)\n")
        }
    }

    /// Only what is different: its size goes by what has changed, however much is served.
    func changed(_ change: StatusChange, _ board: StatusBoard) {
        reachability?.forget(change)
        guard !change.services.isEmpty || !change.problems.isEmpty else { return }
        let services = change.services.sorted { $0.key < $1.key }
        switch format {
        case .json:
            let present = services.flatMap { $0.value.after?.ports ?? [] }
            // Also those that are there and have no port to serve any more, such as one that has become headless.
            let gone = services.filter { $0.value.hasCeased }.map { JSONValue.string("\($0.key)") }
            output.write(
                JSONLine(
                    event("changed", present, board.read { $0.problems }) + board.read { $0.served }.fields
                        + [("gone", .array(gone))]))
        case .text:
            let ports = services.map { (before: $0.value.before?.ports ?? [], after: $0.value.after?.ports ?? []) }
            let different = ports.flatMap { ports in ports.after.filter { !ports.before.contains($0) } }
            if !different.isEmpty {
                output.write("\nChanged:\n" + table(different).rendered(inColour: output.takesColour))
            }
            for (before, after) in ports {
                for port in before where !after.contains(where: { $0.id == port.id }) {
                    output.write("\nGone: \(port.id)\n")
                }
            }
            if let before = change.servedBefore, let news = board.read({ $0.served }).news(after: before) {
                output.write("\n\(news)\n")
            }
        }
    }

    func missed(_ changes: Int, _ board: StatusBoard) {
        switch format {
        case .json: output.write(JSONLine(["event": "dropped", "dropped": .integer(changes)]))
        case .text: output.write("… \(several(changes, "change")) not told here\n")
        }
    }

    func hear(_ event: RelayEvent) {
        switch event {
        case .connectionEnded(let record): connection(record)
        case .dialFailed(let failure): reachability?.take(failure)
        default: break
        }
    }

    func connection(_ record: ConnectionRecord) {
        reachability?.take(record)
        guard reportsConnections else { return }
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
                    ("milliseconds", .integer(Int(record.milliseconds))), ("outcome", .string(record.outcome.words)),
                ]))
        case .text:
            output.write(
                "\(record.port)  \(record.client) → \(endpoint.onOneLine)  up \(Bytes.text(record.bytesUp))  "
                    + "down \(Bytes.text(record.bytesDown))  \(record.milliseconds) ms  \(record.outcome.words)\n")
        }
    }

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
                StyledText(Self.endpoints(of: port)))
        }
        return table
    }

    private static func endpoints(of port: PortStatus) -> String {
        let others = endpoints(port.endpoints) + (port.absence.map { ": \($0)" } ?? "")
        guard let local = port.local else { return others }
        if local.isServing { return local.text }
        guard port.endpoints.isEmpty else { return "\(local.text), meanwhile \(others)" }
        return port.absence == nil ? local.text : "\(local.text); \(others)"
    }

    /// A few endpoints by name; a table is for looking at.
    private static func endpoints(_ endpoints: [ServiceEndpoint]) -> String {
        guard !endpoints.isEmpty else { return "none" }
        let shown = endpoints.prefix(4).map {
            [$0.podName ?? "", "\($0.address)"].filter { !$0.isEmpty }.joined(separator: " ")
        }
        let rest = endpoints.count - shown.count
        return shown.joined(separator: ", ") + (rest > 0 ? " and \(rest) more" : "")
    }

    private func event(
        _ name: String, _ ports: [PortStatus], _ problems: [Problem]
    ) -> [(String, JSONValue)] {
        let services = ports.map { port in
            let addresses = port.doors.compactMap { door in door.listening.map { JSONValue.string("\($0)") } }
            let endpoints = port.endpoints.map {
                JSONValue.object([("address", .string("\($0.address)")), ("pod", .string($0.podName ?? ""))])
            }
            let local = port.local.map { local in
                let fields = [("place", JSONValue.string(local.place)), ("serves", .bool(local.isServing))]
                return [("local", JSONValue.object(fields))]
            }
            return JSONValue.object(
                [
                    ("service", .string("\(port.id)")), ("namespace", .string(port.id.name.namespace)),
                    ("name", .string(port.id.name.service)), ("portName", .string(port.id.name.port)),
                    ("port", port.doors.first.map { .integer(Int($0.wanted.port)) } ?? .null),
                    ("protocol", .string(port.id.transport.rawValue)), ("addresses", .array(addresses)),
                    ("endpoints", .array(endpoints)),
                ] + (local ?? []) + port.absenceFields)
        }
        return [
            ("event", .string(name)), ("services", .array(services)),
            ("problems", .array(problems.map { .string("\($0)") })),
        ]
    }
}

extension StatusChange.Service {
    /// It was served, and is not any more.
    fileprivate var hasCeased: Bool { before?.ports.isEmpty == false && after?.ports.isEmpty != false }
}
