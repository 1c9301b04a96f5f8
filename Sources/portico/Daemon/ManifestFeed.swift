import Base
import Cluster
import Logging
import Manifests
import Objects
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

    /// What changes after `first`, until the task is cancelled.
    func follow(_ first: ClusterState, _ take: (ObjectChanges) -> Void) async {
        var known = KnownObjects()
        _ = known.changes(to: first)
        for await result in source.changes() {
            tell(result.problems, notes: result.notes)
            take(known.changes(to: result.state))
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

/// What differs from one state to the next.
struct KnownObjects {
    private var objects: [ObjectID: ClusterObject] = [:]

    mutating func changes(to state: ClusterState) -> ObjectChanges {
        var now: [ObjectID: ClusterObject] = [:]
        let all =
            state.services.map(ClusterObject.service) + state.endpointSlices.map(ClusterObject.endpointSlice)
            + state.endpoints.map(ClusterObject.endpoints) + state.pods.map(ClusterObject.pod)
            + state.nodes.map(ClusterObject.node)
        for object in all { now[object.id] = object }
        var changes = ObjectChanges()
        for (id, object) in now where objects[id] != object { changes.update(object) }
        for id in objects.keys where now[id] == nil { changes.remove(id) }
        objects = now
        return changes
    }
}
