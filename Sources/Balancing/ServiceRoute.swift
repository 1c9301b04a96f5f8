public import Base
internal import Synchronization

/// How the next client of a service port finds its endpoint: who is there, how one is chosen, and what is remembered.
///
/// A value, handed to every worker. The parts behind it are shared by all of them and change on their own terms: the
/// balancer with the endpoints, the policy with the Service; the memory of the service port outlives both.
public struct ServiceRoute: Sendable {
    public let balancer: Balancer
    public let policy: ServicePolicy
    public let pins: AffinityTable
    /// Clients that wait for an endpoint, over all workers.
    public let waiting: WaitingCount
    /// For the one report that clients' addresses could not be preserved.
    public let sourceLoss: Once
    /// While its clients have to wait, because it has its share of something scarce.
    public let shortage: Episode

    /// The route of a service port that is new.
    public init(
        _ balancer: Balancer, _ policy: ServicePolicy = ServicePolicy(), pins: AffinityTable = AffinityTable(),
        waiting: WaitingCount = WaitingCount(), sourceLoss: Once = Once(), shortage: Episode = Episode()
    ) {
        self.balancer = balancer
        self.policy = policy
        self.pins = pins
        self.waiting = waiting
        self.sourceLoss = sourceLoss
        self.shortage = shortage
    }

    /// The endpoint for a client's attempt, or nil if there is none.
    ///
    /// With affinity a client keeps its endpoint, even one that others found dead: what was begun there is worth an
    /// attempt. If that fails, the next attempt takes the endpoint whose turn it is and keeps that one. Who is served
    /// by the reserve keeps nothing, and goes back with all others.
    ///
    /// - Parameters:
    ///   - client: may be nil where no affinity is asked for.
    ///   - attempt: how many attempts have failed before.
    ///   - now: milliseconds of the clock that penalties are given in.
    public func pick(for client: IPAddress?, attempt: Int = 0, at now: UInt64) -> Endpoint? {
        if balancer.needsReserve(at: now) { return balancer.reserve?.next(by: policy.balancing, at: now) }
        guard case .clientIP(let seconds) = policy.affinity, let client else {
            return balancer.next(by: policy.balancing, at: now)
        }
        return pins.endpoint(for: client, seconds: seconds, anew: attempt > 0, at: now) {
            balancer.next(by: policy.balancing, at: now)
        }
    }

    /// `endpoint` failed `client` where no attempt follows at once: the client's next one goes to another endpoint.
    public func failed(_ endpoint: Endpoint, for client: IPAddress) {
        guard policy.affinity != .none else { return }
        pins.unpin(client, from: endpoint)
    }

    // MARK: Changes

    /// The route with another balancer or policy. Endpoints that are no longer there are retired, and their clients
    /// forgotten; all other clients keep theirs.
    public func changed(to balancer: Balancer, _ policy: ServicePolicy) -> ServiceRoute {
        if balancer !== self.balancer {
            let former = self.balancer.end(replacedBy: balancer)
            balancer.adopt(self.balancer)
            let staying = Set(balancer.knownEndpoints.map(ObjectIdentifier.init))
            for endpoint in former where !staying.contains(ObjectIdentifier(endpoint)) { endpoint.retire() }
            pins.removeRetired()
        }
        if policy.affinity == .none, self.policy.affinity != .none { pins.removeAll() }
        return ServiceRoute(balancer, policy, pins: pins, waiting: waiting, sourceLoss: sourceLoss, shortage: shortage)
    }

    /// The service port is gone.
    public func retire() {
        for endpoint in balancer.end(replacedBy: nil) { endpoint.retire() }
    }

    /// Forgets the clients whose time is over.
    public func sweep(at now: UInt64) {
        guard case .clientIP(let seconds) = policy.affinity else { return }
        pins.removeExpired(seconds: seconds, at: now)
    }
}

/// How many clients of a service port wait for an endpoint, over all workers, with a limit. Any thread.
public final class WaitingCount: Sendable {
    /// Clients that may wait at one service port, unless told otherwise.
    public static let defaultLimit = 1024

    private let limit: Int
    private let count = Atomic<Int>(0)

    public init(limit: Int = WaitingCount.defaultLimit) {
        self.limit = limit
    }

    /// What asking for a place came to.
    public enum Admission: Sendable, Equatable {
        /// Admitted, where nobody waited before.
        case first
        case admitted
        case full
    }

    public func enter() -> Admission {
        let before = count.wrappingAdd(1, ordering: .relaxed).oldValue
        guard before < limit else {
            count.wrappingSubtract(1, ordering: .relaxed)
            return .full
        }
        return before == 0 ? .first : .admitted
    }

    public func leave() {
        count.wrappingSubtract(1, ordering: .relaxed)
    }
}
