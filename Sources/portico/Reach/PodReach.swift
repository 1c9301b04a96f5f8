import Balancing
import Base
import Glibc
import Objects
import Relay

/// Decides for each connection how its pod is reached: by the pod's address, or through the API server.
///
/// Pods of one node share a network, and whether this machine has a route to it is the same for all of them. So the
/// first connection to a network tries the address for a moment, and what that came to holds for the others: an address
/// that answers is dialled by the relay itself from then on, and a network that is silent is asked again now and then,
/// beside the tunnels, since a VPN may have come up. Any thread.
final class PodReach: Sendable {
    /// Asks for a tunnel to a TCP port of a pod.
    typealias Connect = @Sendable (ObjectKey, UInt16, @escaping @Sendable (TunnelEnd) -> Void) -> Void
    /// Tries an address for a moment, and says what that came to: the socket, or the errno. Does not block.
    typealias Try = @Sendable (EndpointAddress, @escaping @Sendable (TunnelEnd) -> Void) -> Void

    private enum Sight {
        /// Somebody is trying; the others wait for that.
        case trying([@Sendable (Bool) -> Void])
        case direct
        /// Silent, as of this moment.
        case silent(ContinuousClock.Instant)
    }

    private let choice: ReachChoice
    private let connect: Connect
    private let attempt: Try
    private let now: @Sendable () -> ContinuousClock.Instant
    private let sights = Guarded<[PodNetwork: Sight]>([:])

    /// Of those that can be reached by tunnel only.
    static let udpRefusal =
        "not served: an API server carries TCP only, so UDP needs a route to the pods (--reach direct)"

    /// How long a network is taken to be silent before it is asked again.
    static let patience = Duration.seconds(60)

    init(
        _ choice: ReachChoice, connect: @escaping Connect, attempt: @escaping Try = DirectAttempt.begin,
        now: @escaping @Sendable () -> ContinuousClock.Instant = { .now }
    ) {
        self.choice = choice
        self.connect = connect
        self.attempt = attempt
        self.now = now
    }

    /// Whether anything is ever reached by tunnel.
    var mayTunnel: Bool { choice != .direct }

    /// The tunnel by which an endpoint is to be reached; nil to dial its address.
    func tunnel(to endpoint: Endpoint, of port: ServicePortID) -> Tunnel? {
        // Only pods can be reached through the API server.
        guard choice != .direct, !endpoint.podName.isEmpty, endpoint.standIn == nil else { return nil }
        let pod = ObjectKey(namespace: port.name.namespace, name: endpoint.podName)
        let address = endpoint.address
        guard choice == .auto else { return { [connect] in connect(pod, address.port, $0) } }
        let network = PodNetwork(address.ip)
        switch sights.withLock({ $0[network] }) {
        case .direct: return nil
        case .silent(let since) where now() - since < Self.patience:
            return { [connect] in connect(pod, address.port, $0) }
        case .silent:
            return { [self] deliver in
                look(at: address, network)
                connect(pod, address.port, deliver)
            }
        case .trying, nil: return { [self] in find(pod, address, network, $0) }
        }
    }

    /// A dial to the address of an endpoint has failed, though there was a route.
    func failed(_ address: EndpointAddress, _ code: Int32) {
        guard choice == .auto, [ETIMEDOUT, EHOSTUNREACH, ENETUNREACH].contains(code) else { return }
        sights.withLock { sights in
            let network = PodNetwork(address.ip)
            if case .direct? = sights[network] { sights[network] = nil }
        }
    }

    /// What to do where no pod of a Service can be reached; follows what was found.
    var advice: String {
        switch choice {
        case .direct:
            ". Addresses of pods mostly work inside their cluster only: leave out --reach direct, and they are reached "
                + "through the API server"
        case .auto, .tunnel: ", neither directly nor through the API server"
        }
    }

    // MARK: Trying

    private func find(
        _ pod: ObjectKey, _ address: EndpointAddress, _ network: PodNetwork,
        _ deliver: @escaping @Sendable (TunnelEnd) -> Void
    ) {
        let go: @Sendable (Bool) -> Void = { [self] isDirect in
            guard isDirect else { return connect(pod, address.port, deliver) }
            attempt(address, deliver)
        }
        let isFirst = sights.withLock { sights in
            switch sights[network] {
            case .trying(let others):
                sights[network] = .trying(others + [go])
                return false
            case .direct, .silent, nil:
                sights[network] = .trying([])
                return true
            }
        }
        guard isFirst else { return }
        attempt(address) { [self] end in
            if case .connected = end {
                conclude(network, isDirect: true)
                deliver(end)
            } else {
                conclude(network, isDirect: false)
                connect(pod, address.port, deliver)
            }
        }
    }

    /// Nobody waits for this one.
    private func look(at address: EndpointAddress, _ network: PodNetwork) {
        let isFirst = sights.withLock { sights in
            guard case .silent? = sights[network] else { return false }
            // Others are not to wait, nor to look as well.
            sights[network] = .silent(now())
            return true
        }
        guard isFirst else { return }
        attempt(address) { [self] end in
            guard case .connected(let raw) = end else { return }
            close(raw)
            sights.withLock { $0[network] = .direct }
        }
    }

    private func conclude(_ network: PodNetwork, isDirect: Bool) {
        let waiting = sights.withLock { sights in
            defer { sights[network] = isDirect ? .direct : .silent(now()) }
            if case .trying(let waiting)? = sights[network] { return waiting }
            return []
        }
        for go in waiting { go(isDirect) }
    }
}

/// Addresses that are all at one place: those of the pods of a node, mostly.
struct PodNetwork: Hashable, Sendable {
    private let high: UInt64
    private let low: UInt64

    /// /24 is what clusters give each node of IPv4, and /64 of IPv6.
    init(_ address: IPAddress) {
        high = address.high
        low = address.family == .ipv4 ? address.low & ~0xFF : 0
    }
}
