/// The kinds of objects that a proxy reads. Workloads only where a source has them: files, and no API server.
public enum ObjectKind: String, CaseIterable, Hashable, Sendable {
    case service = "Service"
    case endpointSlice = "EndpointSlice"
    case endpoints = "Endpoints"
    case pod = "Pod"
    case node = "Node"
    case deployment = "Deployment"
    case statefulSet = "StatefulSet"
    case daemonSet = "DaemonSet"
    case replicaSet = "ReplicaSet"
    case job = "Job"

    /// Group and version, `v1` or `discovery.k8s.io/v1`.
    public var apiVersion: String {
        switch self {
        case .service, .endpoints, .pod, .node: "v1"
        case .endpointSlice: "discovery.k8s.io/v1"
        case .deployment, .statefulSet, .daemonSet, .replicaSet: "apps/v1"
        case .job: "batch/v1"
        }
    }

    /// A Node is the cluster's; all others are in a namespace.
    public var isNamespaced: Bool { self != .node }

    /// Whether it makes pods from a template: a ``Workload``.
    public var isWorkload: Bool { order > Self.node.order }

    /// Its place among all kinds.
    var order: UInt8 {
        switch self {
        case .service: 0
        case .endpointSlice: 1
        case .endpoints: 2
        case .pod: 3
        case .node: 4
        case .deployment: 5
        case .statefulSet: 6
        case .daemonSet: 7
        case .replicaSet: 8
        case .job: 9
        }
    }
}
