public import Balancing
public import Base
internal import Objects
public import Redirect

/// A back end without a kernel: it remembers what it is told, and fails or takes its time as it is asked to.
public actor RecordingBackEnd: KernelBackEnd {
    /// A call of ``KernelBackEnd/apply(_:checking:)``.
    public struct Call: Sendable, Equatable {
        public let change: KernelChange
        public let isChecking: Bool
    }

    public nonisolated var watch: FirewallWatch? { nil }

    /// In their order.
    public private(set) var calls: [Call] = []
    /// All that it has been told by now; Services without portals are not among it.
    public private(set) var told = KernelChange()
    /// Whether that is what would be in the kernel.
    public private(set) var isInForce = false
    public private(set) var removals = 0

    private var failures: [IPAddress.Family: RedirectError] = [:]
    private var refusals: [IPAddress.Family: [ServicePortID: RedirectError]] = [:]
    private var gate: Cue?

    public init() {}

    /// From now on calls fail for a family; nil lets them succeed again.
    public func fail(_ family: IPAddress.Family, _ error: RedirectError?) { failures[family] = error }

    /// From now on the rules of a service port are refused, as often as it is told of; nil ends that.
    public func refuse(_ port: ServicePortID, _ family: IPAddress.Family, _ error: RedirectError?) {
        refusals[family, default: [:]][port] = error
    }

    /// From now on calls do not end before the cue is given.
    public func wait(for cue: Cue?) { gate = cue }

    /// Forgets the calls, and nothing else.
    public func forgetCalls() { calls = [] }

    public func apply(_ change: KernelChange, checking: Bool) async -> KernelResult {
        calls.append(Call(change: change, isChecking: checking))
        for (key, service) in change.services { told.services[key] = service.isEmpty ? nil : service }
        told.node = change.node ?? told.node
        let outcome = isInForce && change.isEmpty ? KernelOutcome.unchanged : .applied(lines: change.services.count)
        isInForce = false
        if let gate { try? await gate.wait(within: .seconds(60)) }
        var result = KernelResult()
        for (family, _) in told.node?.networks ?? [:] {
            let refused = (refusals[family] ?? [:]).filter { isTold(of: $0.key, family) }
            result.families[family] = FamilyResult(
                failures[family].map { .failure($0) } ?? .success(outcome),
                refused: refused.sorted { $0.key < $1.key }.map { RefusedPort($0.key, family, $0.value) })
        }
        isInForce = result.isInForce
        return result
    }

    private func isTold(of port: ServicePortID, _ family: IPAddress.Family) -> Bool {
        let key = ObjectKey(namespace: port.name.namespace, name: port.name.service)
        return told.services[key]?.portals.contains { $0.owner == port && $0.family == family } ?? false
    }

    public func removeAll() async -> [RedirectError] {
        removals += 1
        isInForce = false
        return failures.sorted { $0.key < $1.key }.map(\.value)
    }
}
