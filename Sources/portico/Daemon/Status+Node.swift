import Admin
import Base
import Proxy
import Redirect
import Status

// How a node's Services and rules stand, for the log, reports and health.
extension Status {
    mutating func update(_ served: NodeProxy.Served) {
        update(services: served.services)
        replace(served.problems, of: .services)
        replace(notes: served.notes, of: .services)
        portCount = served.portCount
        serviceCount = served.serviceCount
    }

    /// - Parameter isAwaited: something has changed that the rules were to follow, which is told also if they stand as before.
    mutating func update(_ kernel: KernelResult, isAwaited: Bool) {
        replace(kernel.problems, of: .rules)
        let now = RulesStatus(kernel)
        // Also without a change of our own: others may have broken them, and they cannot be put right.
        if isAwaited || kernel.hasChanged || now.isInForce != rules?.isInForce || now.inForce != rules?.inForce {
            update(rules: now)
        }
    }
}

extension KernelResult {
    private var ordered: [(family: IPAddress.Family, result: FamilyResult)] {
        families.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
    }

    /// What was changed, a line for each family.
    var changes: [String] {
        ordered.compactMap { family, result in
            guard case .success(.applied(let lines)) = result.outcome else { return nil }
            return "the rules for \(family) have changed: \(lines) lines"
        }
    }

    var problems: [Problem] {
        ordered.flatMap { family, result in
            var problems = result.refused.map(\.problem)
            if case .failure(let error) = result.outcome {
                problems.append(
                    Problem(
                        .error, .rules, subject: "the rules for \(family)",
                        "they are not in force, and will be tried again: \(error)"))
            }
            return problems
        }
    }

    /// What people should know once.
    var warnings: [String] { ordered.flatMap(\.result.warnings) }
}

extension RulesStatus {
    init(_ result: KernelResult) {
        let inForce = result.families.filter { (try? $0.value.outcome.get()) != nil }.keys.sorted()
        self.init(
            inForce: inForce, isInForce: result.isInForce, isNone: result.families.isEmpty, duration: result.duration,
            processes: result.cost.processes, bytes: result.cost.bytes)
    }
}

extension SyncMeter.Attempt {
    init(_ result: KernelResult) {
        self.init(
            duration: result.duration, families: result.families.mapValues { (try? $0.outcome.get()) != nil },
            processes: result.cost.processes, bytes: result.cost.bytes)
    }
}
