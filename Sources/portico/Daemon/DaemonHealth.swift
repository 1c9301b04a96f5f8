import Admin
import Base
import EventLoop
import HTTP
import Logging
import Objects
import Proxy
import Redirect
import Relay
import Resolution
import Status

/// What others ask a daemon about its health: `/healthz`, `/livez`, and load balancers about each Service that wants
/// it.
///
/// It is told of every change, and says what is wrong. A port that cannot be listened at is tried again at each of
/// them.
final class DaemonHealth {
    private let address: EndpointAddress?
    /// Another process of a hot restart may listen at the same ports for a moment.
    private let isShared: Bool
    private let families: [IPAddress.Family]
    private let server: HTTPServer
    private let health: ProxyHealth
    private let checks: ServiceHealthServers
    private var listener: HealthServer?
    private var isOutOfReach = false
    let counts = ProbeCounts()

    /// - Parameter address: of `/healthz`; nil for none.
    init(
        at address: EndpointAddress?, families: [IPAddress.Family], syncPeriod: Duration, isShared: Bool,
        status: StatusBoard, budget: DescriptorBudget
    ) throws(SystemError) {
        self.address = address
        self.isShared = isShared
        self.families = families
        // However many ask, other parts of the control plane need descriptors too.
        server = try HTTPServer(
            name: "health", limits: HTTPServer.Limits(mostConnections: min(256, max(8, budget.control / 8))))
        health = ProxyHealth(families: families, syncPeriod: syncPeriod, status: status)
        checks = ServiceHealthServers(health, on: server, shared: isShared, ceiling: budget.ceiling)
        health.nodeEligibility = .unsynced
        // Who asks a process that serves is not to get the answers of one that does not yet.
        if !isShared || isNobodyThere { _ = listen() }
    }

    /// It answers already, since nobody else does in this one's place.
    var isListening: Bool { listener != nil }

    private var isNobodyThere: Bool {
        guard let address else { return false }
        let probe = try? HealthServer(health, at: SocketAddress(address), on: server)
        probe?.close()
        return probe != nil
    }

    /// The relay serves something else, and the rules are to follow.
    ///
    /// - Returns: what could not be listened at.
    func update(_ served: NodeProxy.Served, isChange: Bool) -> [Problem] {
        if isChange { health.syncRequested() }
        isOutOfReach = served.isOutOfReach
        health.nodeEligibility = Self.eligibility(served)
        let checks = checks.update(served.healthChecks, addresses: served.addresses.healthCheckAddresses)
        return listen() + checks.map { Problem(.error, .health, subject: $0.subject, $0.text) }
    }

    /// The rules have followed, or have not.
    func update(_ redirected: KernelResult) {
        // There is nothing to lead here, and so nothing failed; but nobody is served either.
        guard !isOutOfReach else { return }
        for family in families {
            if case .failure = redirected.families[family]?.outcome {
                // Something is wanted of this family from now on, if not before: a change that came during the attempt
                // before this one counts as done with that.
                health.syncRequested([family])
            } else {
                health.syncSucceeded(family)
            }
        }
    }

    /// Listens no more; another process may be listening in its place.
    func close() {
        listener?.close()
        server.shutdown()
    }

    /// - Returns: why it cannot.
    func listen() -> [Problem] {
        guard let address, listener == nil else { return [] }
        do throws(SystemError) {
            listener = try HealthServer(
                health, at: SocketAddress(address), on: server, shared: isShared, counts: counts)
            return []
        } catch {
            let text = "cannot answer health checks at \(address): \(error.reason)"
            return [Problem(.error, .health, "\(text); --healthz-bind-address chooses another")]
        }
    }

    /// Manifests without any Node say nothing about this one.
    private static func eligibility(_ served: NodeProxy.Served) -> NodeEligibility {
        guard let node = served.node else { return served.knowsNodes ? .unknown : .eligible }
        if node.metadata.deletionTimestamp != nil { return .beingDeleted }
        return node.spec.taints.contains { $0.key == NodeEligibility.autoscalerTaint } ? .aboutToBeRemoved : .eligible
    }
}

extension NodeAddresses {
    /// Where load balancers may ask: at the addresses that take node ports.
    fileprivate var healthCheckAddresses: [IPAddress] {
        IPAddress.Family.allCases.flatMap { family -> [IPAddress] in
            let ranges = networks[family]?.nodePortRanges ?? []
            guard !ranges.isEmpty else { return [family == .ipv4 ? .anyIPv4 : .anyIPv6] }
            return (local[family] ?? []).filter { ip in ranges.contains { $0.contains(ip) } }
        }
    }
}
