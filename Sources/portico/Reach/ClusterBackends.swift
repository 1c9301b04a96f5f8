import APIProxy
import Balancing
import Base
import Cluster
import EventLoop
import KubernetesAPI
import Logging
import Objects
import Relay
import Resolution
import Status

/// The pods of a cluster's Services, for requests that name a Service. Each Service is followed by itself, from the first
/// request for it on and for as long as requests come, so that a cluster of thousands costs no more than those that are used.
actor ClusterBackends: ServiceBackends {
    private let client: any APIClient
    private let reach: PodReach
    private var followed: [ObjectKey: (service: FollowedService, used: ContinuousClock.Instant)] = [:]
    /// Services that are followed at once, by two watches each, of which some servers have a connection each; the one
    /// that was asked for longest ago gives way.
    private let most: Int
    /// After which one that nobody asks for is let go.
    private let idle: Duration

    init(_ client: any APIClient, _ reach: PodReach, most: Int = 24, idle: Duration = .seconds(300)) {
        self.client = client
        self.reach = reach
        self.most = most
        self.idle = idle
    }

    func backend(
        namespace: String, service: String, port: RequestedPort?
    ) async throws(ServiceRefusal) -> any ServiceBackend {
        let key = ObjectKey(namespace: namespace, name: service)
        let (found, route) = try await follow(key).port(port)
        return PodBackend(id: ServicePortID(found.name, .tcp), route: route, reach: reach)
    }

    private func follow(_ key: ObjectKey) async throws(ServiceRefusal) -> FollowedService {
        let now = ContinuousClock.now
        for (key, entry) in followed where now - entry.used > idle {
            followed[key] = nil
            entry.service.stop()
        }
        if let known = followed[key]?.service, await known.isThere {
            followed[key]?.used = now
            return known
        }
        let selector: [String: String]
        do throws(LookupFailure) {
            guard case .service(let service) = try await client.object(.service, key) else { throw .unreadable("") }
            selector = service.spec.selector
        } catch {
            if case .refused(_, _, 404) = error { throw .noService }
            throw .unknown("\(error)")
        }
        // Somebody else may have asked for it meanwhile.
        if let known = followed[key]?.service, await known.isThere { return known }
        followed[key]?.service.stop()
        if followed.count >= most, let oldest = followed.min(by: { $0.value.used < $1.value.used }) {
            followed[oldest.key] = nil
            oldest.value.service.stop()
        }
        let source = APISource(client, .only([.service(key, selector: selector)]))
        let made = FollowedService(key, ForwardSource(source, with: []))
        followed[key] = (made, .now)
        return made
    }
}

/// One Service, as it stands now.
actor FollowedService {
    private let key: ObjectKey
    private var resolver = Resolver(ResolutionContext(servesUnassigned: true))
    private var routes: [ServicePortID: ServiceRoute] = [:]
    private var hasSynced = false
    private var problem: String?
    private var waiting: [CheckedContinuation<Void, Never>] = []
    private let task = Guarded<Task<Void, Never>?>(nil)
    /// How long a request waits for the API server.
    private static let patience = Duration.seconds(10)

    init(_ key: ObjectKey, _ source: any ClusterSource) {
        self.key = key
        let following = Task { [weak self] in
            while let update = await source.next() {
                // One that nobody has any more goes on to the end that its source has to come to.
                await self?.take(update)
            }
        }
        task.withLock { $0 = following }
    }

    nonisolated func stop() { task.withLock { $0 }?.cancel() }

    deinit { stop() }

    /// It has not been deleted, as far as is known.
    var isThere: Bool { !hasSynced || resolver.store.service(key) != nil }

    private func take(_ update: SourceUpdate) {
        problem = update.problems.first { $0.severity == .error }.map { "\($0)" }
        let dirty = resolver.apply(update.changes)
        if dirty.contains(key) { renew() }
        guard update.hasSynced || problem != nil else { return }
        hasSynced = hasSynced || update.hasSynced
        releaseWaiting()
    }

    private func renew() {
        var routes: [ServicePortID: ServiceRoute] = [:]
        for port in resolver.services[key]?.ports ?? [] where port.transport == .tcp {
            let id = ServicePortID(port.name, .tcp)
            // The API server's proxy knows no nodes either.
            let endpoints = port.endpoints.selection(for: .ipv4).cluster
            let policy = ServicePolicy(port, balancing: .roundRobin)
            if let known = self.routes[id] {
                routes[id] = known.changed(to: known.balancer.updated(with: endpoints), policy)
            } else {
                routes[id] = ServiceRoute(Balancer(of: endpoints), policy)
            }
        }
        self.routes = routes
    }

    /// - Parameter name: nil for the only one that there is.
    func port(_ name: RequestedPort?) async throws(ServiceRefusal) -> (ServicePort, ServiceRoute) {
        if !hasSynced { await untilTold() }
        guard hasSynced else { throw .unknown(problem ?? "the API server has not answered yet") }
        guard let service = resolver.services[key], resolver.store.service(key) != nil else { throw .noService }
        let ports = service.ports.filter { $0.transport == .tcp }
        let found: ServicePort?
        switch name {
        case .number(let number):
            found = ports.first { $0.port == number }
            if found == nil { throw .noPort(number) }
        case .name(let text):
            found = ports.first { $0.name.port == text }
            if found == nil { throw .noPortNamed(text) }
        case nil:
            guard ports.count < 2 else {
                throw .severalPorts(ports.map { $0.name.port.isEmpty ? "\($0.port)" : "\($0.name.port) (\($0.port))" })
            }
            found = ports.first
        }
        guard let found, let route = routes[ServicePortID(found.name, .tcp)], !route.balancer.isEmpty else {
            throw .noEndpoints
        }
        return (found, route)
    }

    private func untilTold() async {
        let limit = Task {
            guard (try? await Task.sleep(for: Self.patience)) != nil else { return }
            releaseWaiting()
        }
        await withCheckedContinuation { waiting.append($0) }
        limit.cancel()
    }

    private func releaseWaiting() {
        for continuation in waiting { continuation.resume() }
        waiting = []
    }
}

/// The pods behind one port.
private struct PodBackend: ServiceBackend {
    let id: ServicePortID
    let route: ServiceRoute
    let reach: PodReach

    var attempts: Int { route.balancer.reach }

    private static let start = ContinuousClock.now
    /// By which endpoints are passed over, in milliseconds.
    private static var now: UInt64 {
        let (seconds, fraction) = (ContinuousClock.now - start).components
        return UInt64(seconds) * 1000 + UInt64(fraction / 1_000_000_000_000_000) + 1
    }
    private static let penalty: UInt64 = 3000

    private static func failure(_ endpoint: Endpoint, _ code: Int32) -> BackendFailure {
        BackendFailure("dial tcp \(endpoint.address): connect: \(SystemError.reason(code).lowercased())")
    }

    func connect() async throws(BackendFailure) -> BackendStream {
        guard let endpoint = route.pick(for: nil, at: Self.now) else { throw BackendFailure("no endpoints available") }
        let breaks = BreakSignal()
        let end = await withCheckedContinuation { (continuation: CheckedContinuation<TunnelEnd, Never>) in
            guard let tunnel = reach.tunnel(to: endpoint, of: id) else {
                return DirectAttempt.begin(endpoint.address) { continuation.resume(returning: $0) }
            }
            tunnel { end in
                switch end {
                case .connected, .failed: continuation.resume(returning: end)
                case .withdrawn(let code, _, let rest):
                    endpoint.penalise(until: Self.now + Self.penalty)
                    breaks.refuse(Self.failure(endpoint, code))
                    _ = Descriptor(owning: rest)
                case .broken: breaks.give()
                }
            }
        }
        switch end {
        case .connected(let raw): return BackendStream(descriptor: raw, host: "\(endpoint.address)", breaks: breaks)
        case .failed(let code):
            reach.failed(endpoint.address, code)
            endpoint.penalise(until: Self.now + Self.penalty)
            throw Self.failure(endpoint, code)
        case .withdrawn, .broken: throw BackendFailure("dial tcp \(endpoint.address): connect: lost")
        }
    }
}
