internal import Base
internal import Objects

// What is wrong at the moment, in words.
extension APISource {
    /// The server's problem first, then those of kinds, then those of objects.
    static func problems(of reflectors: [Reflector], beginning: Timestamp) -> [Problem] {
        let outages = reflectors.filter { $0.outage?.isWorthTelling == true }
        // It is one server: what keeps one kind from being read mostly keeps all, and one line is enough.
        let ofServer = outages.filter { $0.outage?.cause == .server }
        let first = ofServer.min { ($0.outage?.since ?? .zero) < ($1.outage?.since ?? .zero) }
        let ofResources = outages.filter { $0.outage?.cause == .resource }
        return [first].compactMap { $0?.problem("API server", beginning) }
            + ofResources.compactMap { $0.problem($0.resource.title, beginning) }
            + reflectors.flatMap(\.ledger.problems)
    }
}

extension Reflector {
    fileprivate func problem(_ subject: String, _ beginning: Timestamp) -> Problem? {
        guard let outage else { return nil }
        let since = Timestamp(seconds: beginning.seconds + outage.since.components.seconds)
        let consequence =
            !hasSynced
            ? "nothing is known yet, and it is asked again and again"
            : outage.isOfWatch && outage.cause == .resource
                ? "changes come late since \(since)"
                : "since \(since) all stays as it was then"
        // What is known goes on being served; what is not known, or may not be, is not.
        let severity = hasSynced && outage.cause == .server ? Problem.Severity.warning : .error
        return Problem(severity, .source, subject: subject, "\(outage.text); \(consequence)")
    }

    /// What is as intended, and perhaps not as expected.
    var note: String? {
        guard followed > 0, let best = resources.first else { return nil }
        let reason = denial.map { "the user \($0)" } ?? "the API server has no \(best.title)"
        return "\(resources[followed].title) are read: \(reason)"
    }
}
