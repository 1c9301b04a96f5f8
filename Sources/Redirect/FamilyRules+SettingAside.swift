internal import Balancing
internal import Base
internal import Objects

extension FamilyRules {
    /// Refused transactions that finding the culprits may cost: one culprit among 10,000 service ports takes about 14.
    /// What is suspect by then is set aside together.
    static let mostAttempts = 64

    /// Finds out by halves whose rules are refused, sets those aside, and applies all others. What is in force already
    /// stays so meanwhile.
    ///
    /// - Throws: what is none of the suspects' fault.
    func setAside(_ writer: RuleWriter) throws(RedirectError) -> Fingerprint {
        let present = try read(writer.rules(services))
        let suspects = suspects(writer, present.rules)
        var accepted = services
        for suspect in suspects { accepted[suspect.key]?.remove(suspect.owner) }
        var known: KnownRules? = present
        // If this is refused too, none of the suspects is at fault.
        try attempt(accepted, writer, &known)
        // Those that are looked at next come last.
        var waiting = [suspects[...]]
        var attempts = 0
        var culprits: [(port: Suspect, error: RedirectError)] = []
        while let group = waiting.popLast() {
            if group.isEmpty { continue }
            var trial = accepted
            for suspect in group { trial[suspect.key] = (trial[suspect.key] ?? []).adding(suspect.part) }
            do {
                try attempt(trial, writer, &known)
                accepted = trial
            } catch RedirectError.refused(let program, let status, let message, let excerpt) {
                attempts += 1
                if group.count > 1, attempts < Self.mostAttempts {
                    let middle = group.startIndex + group.count / 2
                    waiting += [group[middle...], group[..<middle]]
                } else {
                    let error = RedirectError.refused(
                        program: program, status: status, message: message, excerpt: excerpt)
                    culprits += group.map { ($0, error) }
                }
            }
        }
        // The last transaction may have been one that was refused, and half done.
        let fingerprint = try attempt(accepted, writer, &known)
        for suspect in suspects { set(suspect.key, to: accepted[suspect.key] ?? []) }
        for (port, error) in culprits {
            refused[port.key, default: []].append(RefusedPort(port.owner, family, error, part: port.part))
        }
        return fingerprint
    }

    /// Tries what was refused before, all at once: that is one transaction for however many there are.
    func retryRefused(_ writer: RuleWriter) throws(RedirectError) {
        let before = refused
        for (key, ports) in before { set(key, to: ports.reduce(services[key] ?? []) { $0.adding($1.part) }) }
        refused = [:]
        do {
            try followOnce(writer)
        } catch {
            refused = before
            for (key, ports) in before {
                set(key, to: (services[key] ?? []).removing(Set(ports.map(\.owner))))
            }
            guard case .refused = error else { throw error }
            try look(writer)
        }
    }

    private struct Suspect {
        let key: ObjectKey
        let owner: ServicePortID
        let part: KernelService
    }

    /// What is in the firewall after an attempt.
    private struct KnownRules {
        let rules: RuleSet
        let fingerprint: Fingerprint
    }

    /// The service ports whose rules are not all in the firewall, in their order.
    private func suspects(_ writer: RuleWriter, _ present: RuleSet) -> [Suspect] {
        // Two tables may have chains of one name.
        let present = Dictionary(
            present.tables.map { table in
                (table.name, Dictionary(table.chains.map { ($0.name, Set($0.rules)) }, uniquingKeysWith: { $1 }))
            }, uniquingKeysWith: { $1 })
        func isThere(_ rules: RuleSet) -> Bool {
            rules.tables.allSatisfy { table in
                table.chains.allSatisfy {
                    present[table.name]?[$0.name]?.isSuperset(of: $0.rules) ?? $0.rules.isEmpty
                }
            }
        }
        return services.keys.sorted().flatMap { key in
            (services[key] ?? []).parts.filter { !isThere(writer.rules([key: $0.part])) }
                .map { Suspect(key: key, owner: $0.owner, part: $0.part) }
        }
    }

    /// Applies the rules of all these, of those that are suspect or not.
    @discardableResult
    private func attempt(
        _ services: [ObjectKey: KernelService], _ writer: RuleWriter, _ known: inout KnownRules?
    ) throws(RedirectError) -> Fingerprint {
        let wanted = writer.rules(services)
        let present: KnownRules
        if let known { present = known } else { present = try read(wanted) }
        known = nil
        var fingerprint = present.fingerprint
        // To write a chain anew would be to try again what is in force.
        let text = wanted.transaction(from: present.rules, rewriting: false)
        if let transaction = Transaction(text, to: wanted, from: present.rules) {
            try carryOut(transaction)
            fingerprint = fingerprint.changed
        }
        known = KnownRules(rules: wanted, fingerprint: fingerprint)
        return fingerprint
    }

    /// What there is of `wanted`.
    private func read(_ wanted: RuleSet) throws(RedirectError) -> KnownRules {
        guard case .read(let saved, let fingerprint) = try firewall.look(since: nil) else {
            return KnownRules(rules: RuleSet(family: family), fingerprint: Fingerprint())
        }
        return KnownRules(rules: RuleSet(wanted, in: saved), fingerprint: fingerprint)
    }
}
