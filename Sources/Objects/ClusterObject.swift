/// An object of any kind that a proxy reads.
///
/// Indirect, so that it is one reference: it is held by a source and by the state at once, and is passed on by the
/// thousand.
public indirect enum ClusterObject: Hashable, Sendable {
    case service(Service)
    case endpointSlice(EndpointSlice)
    case endpoints(Endpoints)
    case pod(Pod)
    case node(Node)
    /// Of any kind that makes pods.
    case workload(Workload)

    /// Decodes an object that is known to be of this kind.
    ///
    /// - Throws: `DecodingError`, with the place of the value that is wrong.
    public init(_ kind: ObjectKind, from decoder: any Decoder) throws {
        switch kind {
        case .service: self = .service(try Service(from: decoder))
        case .endpointSlice: self = .endpointSlice(try EndpointSlice(from: decoder))
        case .endpoints: self = .endpoints(try Endpoints(from: decoder))
        case .pod: self = .pod(try Pod(from: decoder))
        case .node: self = .node(try Node(from: decoder))
        case .deployment, .statefulSet, .daemonSet, .replicaSet, .job:
            self = .workload(try Workload(kind, from: decoder))
        }
    }

    public var metadata: ObjectMeta {
        switch self {
        case .service(let object): object.metadata
        case .endpointSlice(let object): object.metadata
        case .endpoints(let object): object.metadata
        case .pod(let object): object.metadata
        case .node(let object): object.metadata
        case .workload(let object): object.metadata
        }
    }

    public var id: ObjectID {
        switch self {
        case .service(let object): ObjectID(.service, object.metadata.key)
        case .endpointSlice(let object): ObjectID(.endpointSlice, object.metadata.key)
        case .endpoints(let object): ObjectID(.endpoints, object.metadata.key)
        case .pod(let object): ObjectID(.pod, object.metadata.key)
        case .node(let object): ObjectID(.node, object.metadata.key)
        case .workload(let object): ObjectID(object.kind, object.metadata.key)
        }
    }
}
