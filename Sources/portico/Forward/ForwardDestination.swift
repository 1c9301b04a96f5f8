import Base
import KubernetesAPI
import Objects
import Proxy
import Resolution

/// What a request has come to: what is to be followed at the API server, and which doors lead where.
struct ForwardDestination: Sendable {
    /// A port of this machine that leads to one of its ports.
    struct Line: Sendable {
        /// The Service that stands for it.
        let key: ObjectKey
        let port: DevelopmentPlanner.Publication.Port
        let localPort: UInt16
        /// Of the pod, as far as it is known before there is one.
        var remote: UInt16?
    }

    let request: ForwardRequest
    let wanted: [APISelection.Wanted]
    /// What the API server does not have, and the rest of Portico goes by.
    var objects: [ClusterObject] = []
    var lines: [Line]
}

/// Asks the API server once what is meant, with the words of `kubectl port-forward` for what is wrong.
struct ForwardLookup {
    let client: any APIClient
    let namespace: String

    func find(_ request: ForwardRequest) async throws -> ForwardDestination {
        let key = ObjectKey(namespace: namespace, name: request.name)
        let object: ClusterObject
        do throws(LookupFailure) {
            object = try await client.object(request.kind, key)
        } catch {
            throw CommandFailure("\(error)")
        }
        switch object {
        case .service(let service): return try target(request, service)
        case .pod(let pod): return try target(request, pod)
        case .workload(let workload): return try target(request, workload)
        default: throw CommandFailure("\(request): the API server has answered with something else")
        }
    }

    // MARK: - Services

    private func target(_ request: ForwardRequest, _ service: Service) throws -> ForwardDestination {
        let name = service.metadata.name
        guard service.spec.type != .externalName else {
            throw CommandFailure("Service '\(name)' is of type ExternalName, and has no pods")
        }
        let lines = try request.ports.map { port in
            let spec = try Self.spec(port.remote, of: service)
            var remote: UInt16?
            switch spec.targetPort {
            case .number(let number): remote = number
            case nil: remote = spec.port
            case .name: break
            }
            // By its name it is found again if it gets another number.
            let named: DevelopmentPlanner.Publication.Port =
                if case .name(let name) = port.remote { .name(name) } else { .number(spec.port) }
            return ForwardDestination.Line(
                key: service.metadata.key, port: named, localPort: try local(port, spec.port),
                remote: remote)
        }
        let wanted = APISelection.Wanted.service(service.metadata.key, selector: service.spec.selector)
        return ForwardDestination(request: request, wanted: [wanted], lines: lines)
    }

    private static func spec(_ port: ServiceReference.Port, of service: Service) throws -> ServicePortSpec {
        let ports = service.spec.ports
        let name = service.metadata.name
        let found: [ServicePortSpec]
        let missing: String
        switch port {
        case .number(let number):
            found = ports.filter { $0.port == number }
            missing = "Service \(name) does not have a service port \(number)"
        case .name(let text):
            found = ports.filter { $0.name == text }
            missing = "Service '\(name)' does not have a named port '\(text)'"
        }
        if let spec = found.first(where: { $0.transport == .tcp }) { return spec }
        guard let other = found.first else {
            let choices = ports.filter { $0.transport == .tcp }
                .map { "\($0.port)" + ($0.name.isEmpty ? "" : " (\($0.name))") }
            throw CommandFailure(missing + (choices.isEmpty ? "" : "; it has \(choices.joined(separator: ", "))"))
        }
        throw CommandFailure(
            "\(other.transport.rawValue) protocol is not supported for \(other.port): an API server carries TCP only")
    }

    // MARK: - Pods

    private func target(_ request: ForwardRequest, _ pod: Pod) throws -> ForwardDestination {
        guard pod.status.phase == .running, let ip = pod.status.podIPs.first else {
            let phase = pod.status.phase ?? .unknown
            throw CommandFailure(
                "unable to forward port because pod is not running. Current status=\(phase.rawValue)")
        }
        // A name with a slash is no other Service's.
        let key = ObjectKey(namespace: namespace, name: "pod/\(request.name)")
        var numbers: [UInt16] = []
        var lines: [ForwardDestination.Line] = []
        for port in request.ports {
            let number = try Self.number(port.remote, of: pod.spec, "Pod '\(request.name)'")
            if !numbers.contains(number) { numbers.append(number) }
            lines.append(
                ForwardDestination.Line(
                    key: key, port: .number(number), localPort: try local(port, number), remote: number))
        }
        // By its name it is found again when there is another pod of that name, with another address.
        let slice = EndpointSlice(
            metadata: ObjectMeta(
                name: "pod/\(request.name)", namespace: namespace, labels: [WellKnownLabel.serviceName: key.name]),
            addressType: ip.family == .ipv4 ? .ipv4 : .ipv6,
            endpoints: [EndpointSlice.Endpoint(address: ip, ready: true, podName: request.name)],
            ports: numbers.map { EndpointSlice.Port(name: "\($0)", port: $0) })
        let service = Self.service(key, numbers.map { ServicePortSpec(name: "\($0)", port: $0) }, families: [ip.family])
        return ForwardDestination(
            request: request, wanted: [], objects: [.service(service), .endpointSlice(slice)], lines: lines)
    }

    /// All pods of it, each named port being whatever number it is with the pod.
    private func target(_ request: ForwardRequest, _ workload: Workload) throws -> ForwardDestination {
        let labels = workload.selector?.matchLabels ?? workload.template.labels
        guard !labels.isEmpty else {
            throw CommandFailure("\(workload.title) has no spec.selector.matchLabels by which its pods could be found")
        }
        let key = ObjectKey(namespace: namespace, name: "\(request)")
        var specs: [ServicePortSpec] = []
        var lines: [ForwardDestination.Line] = []
        for port in request.ports {
            let number = try Self.number(port.remote, of: workload.template.spec, workload.title)
            if !specs.contains(where: { $0.port == number }) {
                let target: IntOrString =
                    if case .name(let name) = port.remote { .name(name) } else { .number(number) }
                specs.append(ServicePortSpec(name: "\(number)", port: number, targetPort: target))
            }
            lines.append(
                ForwardDestination.Line(
                    key: key, port: .number(number), localPort: try local(port, number), remote: number))
        }
        var service = Self.service(key, specs)
        service.spec.selector = labels
        return ForwardDestination(
            request: request, wanted: [.pods(namespace: namespace, labels: labels)], objects: [.service(service)],
            lines: lines)
    }

    private static func service(
        _ key: ObjectKey, _ ports: [ServicePortSpec], families: [IPAddress.Family] = []
    ) -> Service {
        Service(
            metadata: ObjectMeta(name: key.name, namespace: key.namespace),
            spec: ServiceSpec(ports: ports, ipFamilies: families))
    }

    private static func number(
        _ port: ServiceReference.Port, of spec: PodSpec, _ owner: String
    ) throws -> UInt16 {
        switch port {
        case .number(let number): return number
        case .name(let name):
            if let number = spec.containerPort(named: name, transport: .tcp) { return number }
            if let number = spec.containerPort(named: name, transport: .udp) {
                throw CommandFailure("UDP protocol is not supported for \(number): an API server carries TCP only")
            }
            throw CommandFailure("\(owner) does not have a named port '\(name)'\(spec.portList)")
        }
    }

    private func local(_ port: ForwardPort, _ remote: UInt16) throws -> UInt16 {
        guard port.local == 0 else { return port.local ?? remote }
        return try FreePort.find()
    }
}
