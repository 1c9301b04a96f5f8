import Base
import Logging
import Manifests
import Resolution
import Status

/// Cluster states from manifests: says what is wrong with the files, and passes on what is right. Another source of states,
/// such as an API server, takes its place as a whole.
struct ManifestFeed {
    private let source: ManifestSource
    private let teller: StatusTeller

    init(_ files: [String], teller: StatusTeller) {
        source = ManifestSource(files.map(ManifestInput.init(argument:)))
        self.teller = teller
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

    /// Every state after the first, until the task is cancelled.
    func follow(_ take: (ClusterState) -> Void) async {
        for await result in source.changes() {
            tell(result.problems, notes: result.notes)
            take(result.state)
        }
    }

    /// Has everything read again, changed or not; what that changes comes as any other change.
    func reread() async { await source.reread() }

    private func tell(_ found: [ManifestProblem], notes: [String]) {
        teller.update { status in
            status.replace(found.map { Problem($0) }, of: .source)
            status.replace(notes: notes.map { Note($0, isDetail: true) }, of: .source)
        }
    }
}

extension Problem {
    init(_ problem: ManifestProblem) {
        self.init(
            problem.severity == .error ? .error : .warning, problem.object == nil ? .source : .object,
            subject: problem.place, problem.finding)
    }
}
