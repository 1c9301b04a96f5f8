import Base
import Cluster
import Objects

/// What an API server says, with what stands for pods that were named by themselves, and as it has to be read to reach
/// pods one by one: to a proxy a headless Service has no endpoints.
final class ForwardSource: ClusterSource {
    private let source: any ClusterSource
    private let others: Guarded<[ClusterObject]>

    /// - Parameter others: told with the first update.
    init(_ source: any ClusterSource, with others: [ClusterObject]) {
        self.source = source
        self.others = Guarded(others)
    }

    func next() async -> SourceUpdate? {
        guard var update = await source.next() else { return nil }
        var changes = ObjectChanges()
        let others = others.withLock { others in
            defer { others = [] }
            return others
        }
        for object in others { changes.update(object) }
        for (id, object) in update.changes.objects {
            if let object { changes.update(object.withHead) } else { changes.remove(id) }
        }
        update.changes = changes
        return update
    }

    func reread() async { await source.reread() }
}

extension ClusterObject {
    fileprivate var withHead: ClusterObject {
        switch self {
        case .service(var service):
            if service.spec.isHeadless { service.spec.clusterIPs = [] }
            return .service(service)
        case .endpointSlice(var slice):
            slice.metadata.labels[WellKnownLabel.headless] = nil
            return .endpointSlice(slice)
        case .endpoints(var endpoints):
            endpoints.metadata.labels[WellKnownLabel.headless] = nil
            return .endpoints(endpoints)
        default: return self
        }
    }
}
