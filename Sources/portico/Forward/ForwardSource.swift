import Base
import Cluster
import Objects

/// What an API server says, with what stands for pods that were named by themselves, and as it has to be read to reach
/// pods one by one: to a proxy a headless Service has no endpoints.
final class ForwardSource: ClusterSource {
    private let source: any ClusterSource
    private let others: Guarded<[ClusterObject]>
    /// Until when all has to be known; nil once it is, and where that is not limited.
    private let deadline: Guarded<ContinuousClock.Instant?>

    /// - Parameters:
    ///   - others: told with the first update.
    ///   - deadline: from then on it makes do with what is known by then, and there will be no more.
    init(_ source: any ClusterSource, with others: [ClusterObject], until deadline: ContinuousClock.Instant? = nil) {
        self.source = source
        self.others = Guarded(others)
        self.deadline = Guarded(deadline)
    }

    func next() async -> SourceUpdate? {
        guard let update = await nextInTime() else { return nil }
        if update.hasSynced { deadline.withLock { $0 = nil } }
        return withOthers(update)
    }

    private func nextInTime() async -> SourceUpdate? {
        guard let limit = deadline.withLock({ $0 }) else { return await source.next() }
        return await withTaskGroup(of: SourceUpdate?.self) { [source] group in
            group.addTask { await source.next() }
            group.addTask {
                guard (try? await Task.sleep(until: limit, clock: .continuous)) != nil else { return nil }
                // It counts as all: whoever waits for the rest has waited long enough.
                return SourceUpdate()
            }
            let first = await group.next() ?? nil
            group.cancelAll()
            return first
        }
    }

    private func withOthers(_ update: SourceUpdate) -> SourceUpdate {
        var update = update
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
