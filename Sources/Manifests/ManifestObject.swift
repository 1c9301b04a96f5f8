internal import Objects

/// The kinds that manifests are read for.
enum ObjectKind: String, CaseIterable, Hashable, Sendable {
    case service = "Service"
    case endpointSlice = "EndpointSlice"
    case endpoints = "Endpoints"
    case pod = "Pod"
    case node = "Node"

    var apiVersion: String { self == .endpointSlice ? "discovery.k8s.io/v1" : "v1" }

    var isNamespaced: Bool { self != .node }
}

/// What makes two manifests the same object.
struct ObjectIdentity: Hashable, Sendable, CustomStringConvertible {
    let kind: ObjectKind
    /// Without namespace for a Node.
    let key: ObjectKey

    init(kind: ObjectKind, namespace: String, name: String) {
        self.kind = kind
        key = ObjectKey(namespace: kind.isNamespaced ? namespace : "", name: name)
    }

    /// `Service default/web`, `Node node-a`.
    var description: String { kind.isNamespaced ? "\(kind.rawValue) \(key)" : "\(kind.rawValue) \(key.name)" }
}

/// An object as decoded.
enum ManifestObject: Hashable, Sendable {
    case service(Service)
    case endpointSlice(EndpointSlice)
    case endpoints(Endpoints)
    case pod(Pod)
    case node(Node)

    init(_ kind: ObjectKind, from decoder: TreeDecoder) throws {
        switch kind {
        case .service: self = .service(try Service(from: decoder))
        case .endpointSlice: self = .endpointSlice(try EndpointSlice(from: decoder))
        case .endpoints: self = .endpoints(try Endpoints(from: decoder))
        case .pod: self = .pod(try Pod(from: decoder))
        case .node: self = .node(try Node(from: decoder))
        }
    }

    var identity: ObjectIdentity {
        func identity(_ kind: ObjectKind, _ meta: ObjectMeta) -> ObjectIdentity {
            ObjectIdentity(kind: kind, namespace: meta.namespace, name: meta.name)
        }
        return switch self {
        case .service(let object): identity(.service, object.metadata)
        case .endpointSlice(let object): identity(.endpointSlice, object.metadata)
        case .endpoints(let object): identity(.endpoints, object.metadata)
        case .pod(let object): identity(.pod, object.metadata)
        case .node(let object): identity(.node, object.metadata)
        }
    }
}

/// An object and where it stands.
struct LoadedObject: Hashable, Sendable {
    var identity: ObjectIdentity
    var object: ManifestObject
    var line: Int
    var document: Int?
    /// Whether this is an older state, kept because the file's present one cannot be read.
    var isRetained = false
    /// Whether a later object of the same identity takes its place.
    var isReplaced = false
}

/// An object that could not be read.
struct FailedObject: Hashable, Sendable {
    /// Nil where not even its name can be told.
    var identity: ObjectIdentity?
    var problem: ManifestProblem
}
