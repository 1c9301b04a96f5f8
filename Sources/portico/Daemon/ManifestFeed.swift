import Admin
import Base
import Logging
import Manifests
import Resolution

/// Cluster states from manifests: says what is wrong with the files, and passes on what is right. Another source of states,
/// such as an API server, takes its place as a whole.
struct ManifestFeed {
    private let source: ManifestSource
    private let problems: ProblemTeller
    private var logger: Logger { problems.logger }

    init(_ files: [String], problems: ProblemTeller) {
        source = ManifestSource(files.map(ManifestInput.init(argument:)))
        self.problems = problems
    }

    /// The first state.
    ///
    /// - Throws: ``CommandFailure`` if nothing is left to serve for all that is wrong.
    func load() async throws(CommandFailure) -> ManifestResult {
        let result = await source.load()
        tell(result.problems, notes: result.notes)
        if result.hasErrors, result.state.services.isEmpty {
            throw CommandFailure("nothing is left to serve: fix the errors above")
        }
        return result
    }

    /// Every state after `first`, until the task is cancelled.
    func follow(_ first: ManifestResult, _ take: (ClusterState) -> Void) async {
        var last = first
        for await result in source.changes() {
            let known = Set(last.notes)
            tell(result.problems, notes: result.notes.filter { !known.contains($0) })
            last = result
            take(result.state)
        }
    }

    /// Has everything read again, changed or not; what that changes comes as any other change.
    func reread() async { await source.reread() }

    private func tell(_ found: [ManifestProblem], notes: [String]) {
        problems.tell(found.map { Problem($0) }, of: .manifests)
        for note in notes { logger.info("\(note)") }
    }
}

extension Problem {
    init(_ problem: ManifestProblem) {
        self.init(
            problem.severity == .error ? .error : .warning, problem.object == nil ? .source : .object,
            subject: problem.place, problem.finding)
    }
}
