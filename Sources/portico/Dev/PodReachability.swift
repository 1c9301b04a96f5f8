import Balancing
import Base
import Objects
import Proxy
import Relay
import Status

/// Notices Services of a cluster whose endpoints cannot be reached from this machine, as most cannot from outside of
/// the cluster: that is told once for each, until it has worked in between (docs/behaviour.md, B12.10).
final class PodReachability: Sendable {
    private let teller: StatusTeller
    private let reach: PodReach
    private let unreachable = Guarded<[ObjectKey: Problem]>([:])

    init(_ teller: StatusTeller, _ reach: PodReach) {
        self.teller = teller
        self.reach = reach
    }

    /// An attempt has failed.
    func take(_ failure: DialFailure) { reach.failed(failure.endpoint.address, failure.code) }

    /// A connection has ended. For one task.
    func take(_ record: ConnectionRecord) {
        let key = ObjectKey(namespace: record.port.name.namespace, name: record.port.name.service)
        if record.foundNobody {
            change { unreachable in
                guard unreachable[key] == nil else { return false }
                unreachable[key] = problem(key, record.dialError)
                return true
            }
        } else if record.hasReachedEndpoint {
            forget([key])
        }
    }

    /// Services that are gone have no endpoints to be reached.
    func forget(_ change: StatusChange) { forget(change.services.filter { $0.value.after == nil }.keys) }

    /// These Services are gone, or can be reached.
    func forget(_ keys: some Sequence<ObjectKey>) {
        change { unreachable in
            let known = keys.filter { unreachable[$0] != nil }
            for key in known { unreachable[key] = nil }
            return !known.isEmpty
        }
    }

    /// - Parameter body: says whether it has changed something.
    private func change(_ body: (inout [ObjectKey: Problem]) -> Bool) {
        let problems = unreachable.withLock { unreachable in
            body(&unreachable) ? unreachable.sorted { $0.key < $1.key }.map(\.value) : nil
        }
        guard let problems else { return }
        teller.update { $0.replace(problems, of: .endpoints) }
    }

    private func problem(_ key: ObjectKey, _ code: Int32) -> Problem {
        let reason = code == SystemError.timedOut ? "no answer in time" : SystemError.reason(code).lowercased()
        return Problem(
            .error, .endpoints, subject: "Service \(key)",
            "none of its endpoints that were tried can be reached from this machine (\(reason))" + reach.advice)
    }
}

extension ConnectionRecord {
    /// Whoever ended it, an endpoint was there.
    fileprivate var hasReachedEndpoint: Bool {
        switch outcome {
        case .completed, .clientReset, .endpointReset, .halfOpenLimit: true
        case .abandoned, .noEndpoint, .unreachable, .exhausted, .drained, .notAdmitted: false
        }
    }
}
