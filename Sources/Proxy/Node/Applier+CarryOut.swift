internal import Redirect

/// What carrying out a plan for one family came to.
struct FamilyResult: Sendable {
    var outcome: Result<Applier.Outcome, RedirectError>
    var warnings: [String] = []
    var refused: [RefusedPort] = []
    /// All rules are gone.
    var isBare = false
}

extension Applier {
    /// Removes all rules, since there is nothing for them to lead to.
    func clear() -> FamilyResult {
        do throws(RedirectError) {
            try removeAll()
            return FamilyResult(outcome: .success(.unchanged), isBare: true)
        } catch {
            return FamilyResult(outcome: .failure(error))
        }
    }

    /// Rules first; then what they make obsolete, of which a failure is only worth a warning.
    func carryOut(_ plan: RedirectPlan, checking: Bool, _ removesLeftovers: Bool) -> FamilyResult {
        let outcome: Outcome
        do throws(RedirectError) {
            outcome = try apply(plan, checking: checking)
        } catch {
            return FamilyResult(outcome: .failure(error), refused: refused)
        }
        var result = FamilyResult(outcome: .success(outcome), refused: refused)
        func attempt(_ what: String, _ body: () throws(RedirectError) -> Void) {
            do throws(RedirectError) { try body() } catch { result.warnings.append("\(what): \(error)") }
        }
        if removesLeftovers {
            // Only now, so that there is no moment without rules.
            attempt("rules of another kube-proxy mode may be left") { () throws(RedirectError) in
                _ = try self.removeLeftovers()
            }
        }
        if case .applied(_, let stale) = outcome, !stale.isEmpty {
            attempt("UDP clients that were there before may be stuck") { () throws(RedirectError) in
                try flush(stale)
            }
        }
        return result
    }
}
