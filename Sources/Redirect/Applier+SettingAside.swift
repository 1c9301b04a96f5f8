public import Balancing
public import Base

/// A service port whose rules the kernel or iptables would not have. All others' are in force without it.
public struct RefusedPort: Hashable, Sendable {
    public var owner: ServicePortID
    public var family: IPAddress.Family
    public var error: RedirectError
    /// What was refused; another try is worth it once it is something else.
    var portals: [Portal]

    public var problem: Problem {
        Problem(
            .error, .rules, subject: "\(owner)",
            "it is not redirected over IPv\(family.rawValue), because its rules are refused; they are tried again when it "
                + "changes: \(error)")
    }
}

extension Applier {
    /// Refused transactions that finding the culprits may cost: one culprit among 10,000 service ports takes about 14. What is
    /// suspect by then is set aside together.
    static let mostAttempts = 64

    /// Brings the firewall to `plan`, as ``apply(_:)-(RuleSet)`` and ``repair(_:)`` do. If that is refused, it finds out by
    /// halves whose rules are refused, sets those aside (``refused``), and applies all others.
    ///
    /// What was set aside is tried again when it changes, and when the rules are looked at.
    ///
    /// - Throws: what has nothing to do with any one service port.
    public func apply(_ plan: RedirectPlan, checking: Bool) throws(RedirectError) -> Outcome {
        let portals = Dictionary(grouping: plan.portals.filter { $0.family == family }, by: \.owner)
        refused.removeAll { portals[$0.owner] != $0.portals }
        let known = Set(refused.map(\.owner))
        var change = Change()
        let good = plan.only { !known.contains($0.owner) }
        do {
            change.add(checking ? try repair(rules(good)) : try apply(rules(good)))
        } catch RedirectError.refused {
            change.add(try settle(good, portals))
        }
        if checking, !known.isEmpty {
            // All at once: that is one transaction for however many there are.
            let others = refused.filter { !known.contains($0.owner) }
            let left = plan.only { portal in !others.contains { $0.owner == portal.owner } }
            do throws(RedirectError) {
                change.add(try apply(rules(left)))
                refused = others
            } catch {
                change.add(try apply(rules(plan.only { portal in !refused.contains { $0.owner == portal.owner } })))
            }
        }
        return change.outcome
    }

    /// Applies what is accepted of `plan`. What is in force already stays so meanwhile.
    private func settle(
        _ plan: RedirectPlan, _ portals: [ServicePortID: [Portal]]
    ) throws(RedirectError) -> Outcome {
        let present = try present(rules(plan))
        let owners = Set(plan.portals.map(\.owner)).sorted().filter { portals[$0] != nil }
        var accepted: Set<ServicePortID> = []
        var suspects: [ServicePortID] = []
        for owner in owners {
            if rules(plan.only { $0.owner == owner }).isWithin(present) {
                accepted.insert(owner)
            } else {
                suspects.append(owner)
            }
        }
        var change = Change()
        // If this is refused too, it is none of the suspects' fault.
        change.add(try apply(rules(plan.only { accepted.contains($0.owner) })))
        var attempts = 0
        // Those that are looked at next come last.
        var waiting = [suspects[...]]
        while let group = waiting.popLast() {
            if group.isEmpty { continue }
            do {
                let trial = accepted.union(group)
                change.add(try apply(rules(plan.only { trial.contains($0.owner) })))
                accepted = trial
            } catch RedirectError.refused(let program, let status, let message, let excerpt) {
                attempts += 1
                if group.count > 1, attempts < Self.mostAttempts {
                    let middle = group.startIndex + group.count / 2
                    waiting += [group[middle...], group[..<middle]]
                } else {
                    let error = RedirectError.refused(
                        program: program, status: status, message: message, excerpt: excerpt)
                    refused += group.map {
                        RefusedPort(owner: $0, family: family, error: error, portals: portals[$0] ?? [])
                    }
                }
            }
        }
        // The last transaction may have been one that was refused, and half done.
        change.add(try apply(rules(plan.only { accepted.contains($0.owner) })))
        return change.outcome
    }

    private func rules(_ plan: RedirectPlan) -> RuleSet { plan.rules(for: family) ?? RuleSet(family: family) }

    /// What several transactions came to.
    private struct Change {
        var outcome = Outcome.unchanged

        mutating func add(_ other: Outcome) {
            switch (outcome, other) {
            case (.unchanged, _): outcome = other
            case (_, .unchanged): break
            case (.applied(let lines, let stale), .applied(let more, let further)):
                outcome = .applied(lines: lines + more, stale: stale + further.filter { !stale.contains($0) })
            }
        }
    }
}

extension RedirectPlan {
    fileprivate func only(_ isWanted: (Portal) -> Bool) -> RedirectPlan {
        var plan = self
        plan.portals = portals.filter(isWanted)
        return plan
    }
}

extension RuleSet {
    /// Whether all of its rules are in the other.
    fileprivate func isWithin(_ other: RuleSet) -> Bool {
        tables.allSatisfy { table in
            let found = other[table.name]
            return table.chains.allSatisfy { chain in Set(found[chain.name]).isSuperset(of: chain.rules) }
        }
    }
}
