/// The kinds of objects that a proxy reads.
public enum ObjectKind: String, CaseIterable, Hashable, Sendable {
    case service = "Service"
    case endpointSlice = "EndpointSlice"
    case endpoints = "Endpoints"
    case pod = "Pod"
    case node = "Node"

    /// Group and version, `v1` or `discovery.k8s.io/v1`.
    public var apiVersion: String { self == .endpointSlice ? "discovery.k8s.io/v1" : "v1" }

    /// A Node is the cluster's; all others are in a namespace.
    public var isNamespaced: Bool { self != .node }

    /// Its place among all kinds.
    var order: UInt8 {
        switch self {
        case .service: 0
        case .endpointSlice: 1
        case .endpoints: 2
        case .pod: 3
        case .node: 4
        }
    }
}
