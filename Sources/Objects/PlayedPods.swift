internal import Base

/// The pods that Portico plays where no cluster runs any: made from what describes them, with names and addresses that
/// are the same in every run.
public enum PlayedPods {
    /// Of one workload; nobody wants to see a thousand.
    public static let most = 10

    /// 198.18.0.0/15, which is for tests of networks (RFC 2544): no machine has these. The addresses only tell the pods
    /// apart.
    private static let network: UInt32 = 198 << 24 | 18 << 16
    private static let size: UInt32 = 1 << 17

    /// The pods of a workload: `cart-7f29f-0` and so on; of a StatefulSet `cart-0`.
    public static func of(_ workload: Workload) -> [Pod] {
        let (name, namespace) = (workload.metadata.name, workload.metadata.namespace)
        let hash = StableHash.of("\(workload.id)")
        let isNamedInOrder = workload.kind == .statefulSet
        let prefix = isNamedInOrder ? name : "\(name)-\(digits(of: hash))"
        return (0..<min(workload.replicas, most)).map { number in
            let metadata = ObjectMeta(
                name: "\(prefix)-\(number)", namespace: namespace, labels: workload.template.labels)
            var spec = workload.template.spec
            if isNamedInOrder {
                spec.hostname = metadata.name
                spec.subdomain = workload.serviceName
            }
            return Pod(metadata: metadata, spec: spec, status: status(hash, number))
        }
    }

    /// A pod that no cluster has given an address.
    public static func of(_ pod: Pod) -> Pod {
        var pod = pod
        pod.status = status(StableHash.of("Pod \(pod.metadata.key)"), 0)
        return pod
    }

    /// The pod of a Service that nothing describes pods for, as where an operator makes them: `prometheus-demo`, with
    /// every port that the Service asks for.
    public static func of(_ service: Service) -> Pod {
        let (name, namespace) = (service.metadata.name, service.metadata.namespace)
        let ports = service.spec.ports.compactMap { port -> PodSpec.Port? in
            guard case .name(let target) = port.targetPort else { return nil }
            return PodSpec.Port(name: target, containerPort: port.port, transport: port.transport)
        }
        return Pod(
            metadata: ObjectMeta(name: "\(name)-demo", namespace: namespace),
            spec: PodSpec(containers: [PodSpec.Container(ports: ports)]),
            status: status(StableHash.of("Service \(namespace)/\(name)"), 0))
    }

    private static func status(_ hash: UInt64, _ number: Int) -> PodStatus {
        let offset = (UInt32(truncatingIfNeeded: hash) &+ UInt32(number)) % size
        return PodStatus(phase: .running, podIPs: [IPAddress(v4: network + offset)])
    }

    private static func digits(of hash: UInt64) -> String {
        let text = String(hash & 0xF_FFFF, radix: 16)
        return String(repeating: "0", count: 5 - text.count) + text
    }
}
