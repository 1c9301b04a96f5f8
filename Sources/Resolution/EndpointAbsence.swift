internal import Base
internal import Cluster
public import Objects

/// Why a service port has no endpoints, for whoever wants it served.
public struct EndpointAbsence: Hashable, Sendable {
    /// In words: `3 replicas of Deployment cart would serve it`.
    public var reason: String
    /// Whether pods that are played would serve it.
    public var canBePlayed: Bool

    public init(_ reason: String, canBePlayed: Bool = false) {
        self.reason = reason
        self.canBePlayed = canBePlayed
    }
}

extension Resolver {
    /// Why nothing of what describes the endpoints of a Service serves this port.
    func absence(of port: ServicePortSpec, of service: Service, _ origin: EndpointOrigin) -> EndpointAbsence {
        switch origin {
        case .slices(let slices):
            return Self.absence(
                slices.flatMap(\.endpoints).count, "EndpointSlices have",
                isOffered: slices.contains { slice in
                    slice.ports.contains { $0.name == port.name && $0.transport == port.transport }
                })
        case .endpoints(let object):
            let addresses = object.subsets.reduce(0) { $0 + $1.addresses.count + $1.notReadyAddresses.count }
            return Self.absence(
                addresses, "Endpoints object has",
                isOffered: object.subsets.contains { subset in
                    subset.ports.contains { $0.name == port.name }
                })
        case .pods, .played, .nothing:
            return absence(of: port, store.pods(for: service), store.workloads(for: service), service.spec.selector)
        }
    }

    /// - Parameter isOffered: whether the port is among theirs.
    private static func absence(_ count: Int, _ name: String, isOffered: Bool) -> EndpointAbsence {
        if count == 0 { return EndpointAbsence("its \(name) no endpoints", canBePlayed: true) }
        if !isOffered { return EndpointAbsence("its \(name) no such port") }
        return EndpointAbsence(count == 1 ? "its one endpoint is not ready" : "none of its \(count) endpoints is ready")
    }

    private func absence(
        of port: ServicePortSpec, _ pods: [Pod], _ workloads: [Workload], _ selector: [String: String]
    ) -> EndpointAbsence {
        if selector.isEmpty {
            return EndpointAbsence("it selects no pods, and nothing else names its endpoints", canBePlayed: true)
        }
        if pods.isEmpty, workloads.isEmpty {
            guard context.knowsPods else {
                return EndpointAbsence("there are no EndpointSlices of it yet", canBePlayed: true)
            }
            return EndpointAbsence("no pod has the labels \(selector.asLabels)", canBePlayed: true)
        }
        let waiting = pods.filter(\.mayServe)
        // Whoever has the port would serve it.
        let able = workloads.filter { $0.template.spec.offers(port) }
        if let first = able.first(where: { $0.replicas > 0 }) {
            let others = able.count > 1 ? " and \(able.count - 1) other" + (able.count > 2 ? "s" : "") : ""
            return EndpointAbsence("\(first.crew)\(others) would serve it", canBePlayed: true)
        }
        if let pod = waiting.first(where: { !$0.hasAddress && $0.spec.offers(port) }) {
            let others = waiting.count > 1 ? " and \(waiting.count - 1) more" : ""
            return EndpointAbsence("pod \(pod.metadata.name)\(others) would serve it", canBePlayed: true)
        }
        if let idle = able.first { return EndpointAbsence("\(idle.title) is to have no pods") }
        if case .name(let name) = port.targetPort,
            !workloads.isEmpty || !waiting.contains(where: { $0.spec.offers(port) })
        {
            let spec = workloads.first?.template.spec ?? waiting.first?.spec ?? PodSpec()
            let owner = workloads.first?.title ?? waiting.first.map { "pod \($0.metadata.name)" } ?? "what it selects"
            return EndpointAbsence("\(owner) has no \(port.transport.rawValue) port named \(name)\(spec.portList)")
        }
        if waiting.isEmpty { return EndpointAbsence("its pods have ended") }
        return EndpointAbsence(pods.count == 1 ? "its one pod is not ready" : "none of its \(pods.count) pods is ready")
    }
}

extension Workload {
    /// `3 replicas of Deployment cart`.
    fileprivate var crew: String {
        switch kind {
        case .daemonSet: "the pods of \(title)"
        case .job: replicas == 1 ? "the pod of \(title)" : "\(replicas) pods of \(title)"
        default: replicas == 1 ? "1 replica of \(title)" : "\(replicas) replicas of \(title)"
        }
    }
}

extension PodSpec {
    /// Whether a pod would have what a service port leads to. A number need not be among the container's ports.
    public func offers(_ port: ServicePortSpec) -> Bool {
        guard case .name(let name) = port.targetPort else { return true }
        return containerPort(named: name, transport: port.transport) != nil
    }

    /// `; it has http (8080), metrics (9090)`; empty if there are none.
    public var portList: String {
        let ports = containers.flatMap(\.ports) + initContainers.filter(\.isSidecar).flatMap(\.ports)
        guard !ports.isEmpty else { return "" }
        let names = ports.prefix(10).map { port in
            let number =
                "\(port.containerPort)" + (port.transport == .tcp ? "" : "/\(port.transport.rawValue.lowercased())")
            return port.name.map { "\($0) (\(number))" } ?? number
        }
        return "; it has \(names.joined(separator: ", "))"
    }
}

extension [String: String] {
    /// `app=cart,tier=back`, in the order of their names.
    public var asLabels: String {
        sorted { $0.key < $1.key }.map { "\($0.key)=\($0.value)" }.joined(separator: ",")
    }
}
