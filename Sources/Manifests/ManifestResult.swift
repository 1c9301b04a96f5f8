public import Resolution

/// All that the manifests say at one moment.
public struct ManifestResult: Hashable, Sendable {
    /// Every readable object; after a reload also the last good form of those that have become unreadable.
    public var state: ClusterState
    /// What is wrong, in the order of the inputs. A problem that lasts is in every result; see ``newProblems(since:)``.
    public var problems: [ManifestProblem]
    /// A source, or a file of one, cannot be read at all: there may be more than the state says.
    public var isPartial = false
    /// Lines about what was skipped on purpose: `web.yaml: skipped 3 Deployment, 1 ConfigMap`.
    public var notes: [String]

    public init(state: ClusterState = ClusterState(), problems: [ManifestProblem] = [], notes: [String] = []) {
        self.state = state
        self.problems = problems
        self.notes = notes
    }

    /// The problems that an earlier result did not have, to be reported once each.
    public func newProblems(since earlier: ManifestResult) -> [ManifestProblem] {
        let known = Set(earlier.problems)
        return problems.filter { !known.contains($0) }
    }

    public var hasErrors: Bool { problems.contains { $0.severity == .error } }
}
