import Base

/// A status for people: what runs, what is wrong, and a line for each service port.
struct StatusText {
    let picture: StatusPicture
    /// Endpoints are listed one by one.
    let isDetailed: Bool

    func rendered(inColour: Bool) -> String {
        var text = head.map { $0.rendered(inColour: inColour) }.joined() + "\n" + sums + "\n"
        if !picture.problems.isEmpty {
            text += "\n" + problems.rendered(inColour: inColour)
            let more = picture.problemCount - picture.problems.count
            if more > 0 { text += "… and \(more) more\n" }
        }
        let ports = picture.services.flatMap(\.ports)
        if !ports.isEmpty { text += "\n" + table(ports).rendered(inColour: inColour) }
        if isDetailed {
            for port in ports where !port.endpoints.isEmpty {
                text +=
                    "\n\("\(port.service) (\(port.family), \(port.policy) policy)".onOneLine)\n"
                    + endpoints(port).rendered(inColour: inColour)
            }
        }
        return text
    }

    private var head: [StyledText] {
        let node = picture.node.map { " on \($0)" } ?? ""
        let phase = picture.phase == "serving" ? StyledText("serving", .green) : StyledText(picture.phase, .yellow)
        let rules: StyledText? = picture.rules.map { rules in
            guard !rules.none else { return "no rules: node ports only" }
            let families = rules.families.joined(separator: " and ")
            return rules.inForce
                ? StyledText("rules for \(families) in force") : StyledText("rules are not in force", .red)
        }
        return [
            StyledText("\(picture.command) \(picture.version)\(node)", .bold), " (process \(picture.pid)): ", phase,
        ] + (rules.map { [", ", $0] } ?? [])
    }

    private var sums: String {
        let (totals, served) = (picture.totals, picture.servedServices)
        return "\(served) of \(several(picture.allServices, "Service")) served, "
            + "\(several(totals.open, "connection")) now, \(totals.accepted) in all, \(Bytes.text(UInt64(totals.bytesUp))) to pods, "
            + "\(Bytes.text(UInt64(totals.bytesDown))) to clients, \(several(totals.refused + totals.broken, "failure"))"
    }

    private var problems: Table {
        var table = Table("PROBLEM", "OF", "WHAT")
        for problem in picture.problems {
            table.addRow(
                StyledText(problem.severity, problem.severity == "error" ? .red : .yellow), StyledText(problem.subject),
                StyledText(problem.text))
        }
        return table
    }

    private func table(_ ports: [StatusPicture.Port]) -> Table {
        var table = Table(
            ("SERVICE", .leading), ("ADDRESS", .leading), ("PODS", .trailing), ("NOW", .trailing), ("ALL", .trailing),
            ("TO PODS", .trailing), ("TO CLIENTS", .trailing), ("FAILURES", .trailing))
        for port in ports {
            let (usable, all) = (port.usable, port.endpoints.count)
            let colour: Colour = usable == 0 ? (all == 0 ? .yellow : .red) : usable < all ? .yellow : .green
            let counters = port.counters
            table.addRow(
                StyledText(port.service), StyledText(port.places.joined(separator: ", ")),
                StyledText(usable == all ? "\(all)" : "\(usable) of \(all)", colour), "\(counters.open)",
                "\(counters.accepted)", StyledText(Bytes.text(UInt64(counters.bytesUp))),
                StyledText(Bytes.text(UInt64(counters.bytesDown))), "\(counters.refused + counters.broken)")
        }
        return table
    }

    private func endpoints(_ port: StatusPicture.Port) -> Table {
        var table = Table(("  POD", .leading), ("ADDRESS", .leading), ("STATE", .leading), ("NOW", .trailing))
        for endpoint in port.endpoints {
            table.addRow(
                StyledText("  \(endpoint.pod.isEmpty ? "-" : endpoint.pod)\(endpoint.local ? " (here)" : "")"),
                StyledText(endpoint.address), StyledText(endpoint.state, endpoint.isReady ? .green : .red),
                "\(endpoint.open)")
        }
        return table
    }
}
