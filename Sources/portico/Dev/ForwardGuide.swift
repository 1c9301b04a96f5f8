import Balancing
import Base
import ForwardProxy
import Proxy
import Relay

/// Says where clients of the proxy are led: to a Service's port in the relay, or to one that is made for a target that no
/// Service has.
final class ForwardGuide: Sendable {
    private let directory: DevForwardProxy.Directory
    private let passing: PassingTargets
    private let isOpen: Bool

    init(_ directory: DevForwardProxy.Directory, _ relay: Relay, isOpen: Bool) {
        self.directory = directory
        self.isOpen = isOpen
        passing = PassingTargets(relay)
    }

    /// Called on the proxy's thread.
    func decide(_ target: ForwardTarget, _ answer: @escaping @Sendable (ForwardAnswer) -> Void) {
        switch directory.withLock({ $0.find(target) }) {
        case .service(let port): answer(.carried(by: port))
        case .refused(let refusal): answer(.refused(refusal))
        case .pods(let namespace, let name, let pods):
            let standIns = pods.compactMap { pod in pod.standIn.map { (pod.address, $0) } }
            let endpoints = pods.map { ServiceEndpoint(address: $0.address, podName: $0.podName) }
            let balancer = Balancer(of: endpoints, standIns: Dictionary(standIns) { first, _ in first })
            // In its namespace, where pods are looked for by their names; no Service's name has a dot.
            let port = ServicePortName(namespace: namespace, service: name, port: "\(target.port)")
            lead(to: ServicePortID(port, .tcp), balancer, answer)
        case .outside(let target, let reason):
            guard isOpen else {
                let text = "\(target): \(reason), and this proxy leads to Services only (--socks-open: to all hosts)"
                return answer(.refused(ForwardRefusal(.notAllowed, text)))
            }
            lead(outside: target, answer)
        }
    }

    private func lead(outside target: ForwardTarget, _ answer: @escaping @Sendable (ForwardAnswer) -> Void) {
        guard target.port > 0 else {
            return answer(.refused(ForwardRefusal(.notAllowed, "\(target): nobody listens on port 0")))
        }
        switch target.host {
        case .address(let ip):
            let address = EndpointAddress(ip: ip, port: target.port)
            let balancer = Balancer(of: [ServiceEndpoint(address: address)])
            lead(to: PassingTargets.id(outside: "\(ip)", target.port), balancer, answer)
        case .name(let name):
            Task { [passing] in
                // Nobody else waits for a resolver that is silent.
                let addresses = await HostResolver.addresses(of: name)
                guard !addresses.isEmpty else {
                    return answer(.refused(ForwardRefusal(.unknownHost, "\(name) has no address")))
                }
                let endpoints = addresses.map {
                    ServiceEndpoint(address: EndpointAddress(ip: $0, port: target.port))
                }
                let id = PassingTargets.id(outside: name.lowercased(), target.port)
                await passing.serve(id, with: Balancer(of: endpoints))
                answer(.carried(by: id))
            }
        }
    }

    private func lead(
        to id: ServicePortID, _ balancer: Balancer, _ answer: @escaping @Sendable (ForwardAnswer) -> Void
    ) {
        Task { [passing] in
            await passing.serve(id, with: balancer)
            answer(.carried(by: id))
        }
    }
}

/// Targets that are no Service's: each is a service port of the relay's, without a door, for as long as somebody asks for
/// it now and then. So they are dialled, counted and drained like all others, and there is one way to carry bytes.
actor PassingTargets {
    private static let stay = Duration.seconds(60)

    private let relay: Relay
    private var used: [ServicePortID: ContinuousClock.Instant] = [:]
    private var last: Task<Void, Never>?

    init(_ relay: Relay) { self.relay = relay }

    /// Of another host. No namespace has parentheses.
    static func id(outside host: String, _ port: UInt16) -> ServicePortID {
        ServicePortID(ServicePortName(namespace: "(outside)", service: host, port: "\(port)"), .tcp)
    }

    /// Returns when clients may be given to the relay for it.
    func serve(_ id: ServicePortID, with balancer: Balancer) async {
        // One after another, or one that is let go could be one that has just come back.
        let before = last
        let turn = Task {
            await before?.value
            await take(id, balancer)
        }
        last = turn
        await turn.value
    }

    private func take(_ id: ServicePortID, _ balancer: Balancer) async {
        let now = ContinuousClock.now
        used[id] = now
        await relay.serve(id, with: balancer)
        for (old, time) in used where now - time > Self.stay {
            used[old] = nil
            // Connections that stand go on.
            await relay.remove(old)
        }
    }
}
