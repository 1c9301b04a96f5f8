/// An object that has a cluster run pods: a Deployment, StatefulSet, DaemonSet, ReplicaSet or Job. Read from files, to
/// say which pods would serve a Service, and to play them.
public struct Workload: Hashable, Sendable {
    /// One of the kinds that ``ObjectKind/isWorkload``.
    public var kind: ObjectKind
    public var metadata: ObjectMeta
    /// How many pods it wants at once: 1 for a DaemonSet, as on a cluster of one node.
    public var replicas: Int
    /// Which pods it takes for its own; nil for a Job, which chooses by itself.
    public var selector: PodSelector?
    public var template: PodTemplate
    /// The headless Service below which the pods of a StatefulSet have their names.
    public var serviceName: String?

    public init(
        _ kind: ObjectKind, metadata: ObjectMeta, replicas: Int = 1, selector: PodSelector? = nil,
        template: PodTemplate = PodTemplate(), serviceName: String? = nil
    ) {
        precondition(kind.isWorkload, "a workload is of a kind that makes pods")
        self.kind = kind
        self.metadata = metadata
        self.replicas = replicas
        self.selector = selector
        self.template = template
        self.serviceName = serviceName
    }

    /// What tells it from all others of a cluster.
    public var id: ObjectID { ObjectID(kind, metadata.key) }

    /// `Deployment cart`.
    public var title: String { "\(kind.rawValue) \(metadata.name)" }
}

/// What the pods of a workload are like.
public struct PodTemplate: Decodable, Hashable, Sendable {
    public var labels: [String: String]
    public var spec: PodSpec

    public init(labels: [String: String] = [:], spec: PodSpec = PodSpec()) {
        self.labels = labels
        self.spec = spec
    }

    private enum CodingKeys: String, CodingKey { case metadata, spec }
    private enum MetadataKeys: String, CodingKey { case labels }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(spec: try container.decodeIfPresent(PodSpec.self, forKey: .spec) ?? PodSpec())
        guard try container.contains(.metadata) && !container.decodeNil(forKey: .metadata) else { return }
        labels = try container.nestedContainer(keyedBy: MetadataKeys.self, forKey: .metadata).textMap(.labels)
    }
}

/// `spec.selector` of a workload, as far as it is read: `matchLabels`.
public struct PodSelector: Decodable, Hashable, Sendable {
    public var matchLabels: [String: String]

    public init(matchLabels: [String: String] = [:]) { self.matchLabels = matchLabels }

    private enum CodingKeys: String, CodingKey { case matchLabels }

    public init(from decoder: any Decoder) throws {
        matchLabels = try decoder.container(keyedBy: CodingKeys.self).textMap(.matchLabels)
    }
}

extension Workload {
    private enum CodingKeys: String, CodingKey { case metadata, spec }
    private enum SpecKeys: String, CodingKey {
        case replicas, parallelism, completions, selector, template, serviceName
    }

    /// Decodes an object that is known to be of this kind.
    ///
    /// - Throws: `DecodingError`, with the place of the value that is wrong.
    public init(_ kind: ObjectKind, from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init(kind, metadata: try container.decode(ObjectMeta.self, forKey: .metadata))
        guard try container.contains(.spec) && !container.decodeNil(forKey: .spec) else { return }
        let spec = try container.nestedContainer(keyedBy: SpecKeys.self, forKey: .spec)
        let counts = 0...Int(Int32.max)
        switch kind {
        case .daemonSet: break
        case .job:
            let parallelism = try spec.number(.parallelism, in: counts) ?? 1
            replicas = min(parallelism, try spec.number(.completions, in: counts) ?? parallelism)
        default: replicas = try spec.number(.replicas, in: counts) ?? 1
        }
        if kind == .statefulSet { serviceName = try spec.name(.serviceName, .label) }
        if kind != .job { selector = try spec.decodeIfPresent(PodSelector.self, forKey: .selector) }
        template = try spec.decodeIfPresent(PodTemplate.self, forKey: .template) ?? PodTemplate()
    }
}
