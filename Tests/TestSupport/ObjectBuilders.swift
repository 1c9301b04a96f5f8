public import Base
public import Cluster
public import Objects

// Short ways to write objects, so that a test shows only what it is about.

public func ip(_ text: String) -> IPAddress {
    guard let address = IPAddress(text) else { preconditionFailure("no address: \(text)") }
    return address
}

public func service(
    _ name: String = "web", labels: [String: String] = [:], annotations: [String: String] = [:],
    ports: [ServicePortSpec] = [ServicePortSpec(name: "http", port: 80)], clusterIPs: [String] = ["10.96.0.1"],
    status: [LoadBalancerStatus.Ingress] = [], edit: (inout ServiceSpec) -> Void = { _ in }
) -> Service {
    var spec = ServiceSpec(ports: ports, clusterIPs: clusterIPs.map { .address(ip($0)) })
    edit(&spec)
    return Service(
        metadata: ObjectMeta(name: name, labels: labels, annotations: annotations), spec: spec,
        status: ServiceStatus(loadBalancer: LoadBalancerStatus(ingress: status)))
}

public func slice(
    of service: String = "web", name: String? = nil, type: EndpointSlice.AddressType = .ipv4,
    labels: [String: String] = [:], ports: [EndpointSlice.Port] = [.init(name: "http", port: 8080)],
    _ endpoints: [EndpointSlice.Endpoint]
) -> EndpointSlice {
    var labels = labels
    labels[WellKnownLabel.serviceName] = service
    return EndpointSlice(
        metadata: ObjectMeta(name: name ?? service + "-1", labels: labels), addressType: type, endpoints: endpoints,
        ports: ports)
}

/// An endpoint of a slice. Its state is written as one word, as those who speak of endpoints do.
public func endpoint(
    _ address: String, _ state: EndpointCondition = .ready, node: String? = nil, zones: [String] = [],
    nodes: [String] = []
) -> EndpointSlice.Endpoint {
    var endpoint = EndpointSlice.Endpoint(address: ip(address), nodeName: node, zoneHints: zones, nodeHints: nodes)
    switch state {
    case .ready: (endpoint.ready, endpoint.serving, endpoint.terminating) = (true, true, false)
    case .unready: (endpoint.ready, endpoint.serving, endpoint.terminating) = (false, false, false)
    case .terminating: (endpoint.ready, endpoint.serving, endpoint.terminating) = (false, true, true)
    case .gone: (endpoint.ready, endpoint.serving, endpoint.terminating) = (false, false, true)
    case .lingering: (endpoint.ready, endpoint.serving, endpoint.terminating) = (false, true, false)
    case .unsaid: break
    }
    return endpoint
}

public enum EndpointCondition: Sendable {
    case ready, unready
    /// Terminating and still serving.
    case terminating
    /// Terminating and no longer serving.
    case gone
    /// Serving, but neither ready nor terminating.
    case lingering
    /// Without conditions.
    case unsaid
}

public func pod(
    _ name: String, _ addresses: [String], labels: [String: String] = ["app": "web"], ready: Bool? = true,
    node: String? = nil, ports: [PodSpec.Port] = [], edit: (inout Pod) -> Void = { _ in }
) -> Pod {
    var pod = Pod(
        metadata: ObjectMeta(name: name, labels: labels),
        spec: PodSpec(nodeName: node, containers: [.init(ports: ports)]),
        status: PodStatus(phase: ready == nil ? nil : .running, podIPs: addresses.map(ip), ready: ready))
    edit(&pod)
    return pod
}

/// What a source says when these objects have come or changed, and those are gone.
public func changes(_ objects: ClusterObject..., gone: ClusterObject...) -> ObjectChanges {
    var changes = ObjectChanges()
    for object in objects { changes.update(object) }
    for object in gone { changes.remove(object.id) }
    return changes
}
