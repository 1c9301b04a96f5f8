import Base
import Cluster
import Objects
import TestSupport

@testable import Manifests

/// All that a source has said so far, put together.
struct Picture: Equatable {
    private(set) var objects: [ObjectID: ClusterObject] = [:]
    private(set) var problems: [Problem] = []
    private(set) var notes: [String] = []
    private(set) var isPartial = false

    mutating func take(_ update: SourceUpdate) {
        take(update.changes)
        problems = update.problems
        notes = update.notes
        isPartial = update.isPartial
    }

    mutating func take(_ changes: ObjectChanges) {
        for (id, object) in changes.objects { objects[id] = object }
    }

    /// Takes what a store has to tell.
    ///
    /// - Returns: what has changed.
    @discardableResult
    mutating func take(_ store: inout ManifestStore) -> ObjectChanges {
        let changes = store.takeChanges()
        take(changes)
        problems = store.problems.map { Problem($0) }
        notes = store.notes
        isPartial = store.isPartial
        return changes
    }

    var hasErrors: Bool { problems.contains { $0.severity == .error } }

    /// `name:port` of every Service, sorted.
    var services: [String] {
        objects.values.compactMap {
            guard case .service(let service) = $0 else { return nil }
            return "\(service.metadata.name):\(service.spec.ports.first?.port ?? 0)"
        }.sorted()
    }

    /// The names of all Services, sorted.
    var names: [String] { services.map { String($0.prefix { $0 != ":" }) } }

    /// The objects by kind, sorted.
    var state: ClusterState {
        var state = ClusterState()
        for (_, object) in objects.sorted(by: { $0.key < $1.key }) {
            switch object {
            case .service(let service): state.services.append(service)
            case .endpointSlice(let slice): state.endpointSlices.append(slice)
            case .endpoints(let endpoints): state.endpoints.append(endpoints)
            case .pod(let pod): state.pods.append(pod)
            case .node(let node): state.nodes.append(node)
            case .workload(let workload): state.workloads.append(workload)
            }
        }
        return state
    }

    /// Problems as text, with the folder of the test taken off.
    func messages(_ workspace: Workspace) -> [String] {
        problems.map { $0.description.replacing(workspace.path + "/", with: "") }
    }
}

extension ManifestStore {
    /// Looks until what there is has been seen twice, as a source does.
    ///
    /// - Returns: what has changed.
    @discardableResult
    mutating func settle(_ picture: inout Picture) -> ObjectChanges {
        var changes = ObjectChanges()
        for _ in 0..<3 where poll() { changes.merge(picture.take(&self)) }
        return changes
    }
}

extension ObjectChanges {
    /// `Service default/web`, or with a minus in front for one that is gone; sorted.
    var names: [String] { objects.map { id, object in (object == nil ? "-" : "") + id.description }.sorted() }
}
