/// The part of an object's metadata that a proxy reads.
public struct ObjectMeta: Codable, Hashable, Sendable {
    public var name: String
    /// `default` when absent, as `kubectl apply` would have it. Without meaning for a Node.
    public var namespace: String
    public var labels: [String: String]
    public var annotations: [String: String]
    public var uid: String?
    /// Opaque; needed to resume a watch.
    public var resourceVersion: String?
    /// When the object was made, as far as is known: of two that want the same, the older one gets it.
    public var creationTimestamp: Timestamp?
    /// Set while the object is being deleted: a pod with it is terminating. RFC 3339 text; only its presence counts.
    public var deletionTimestamp: String?

    public init(
        name: String, namespace: String = "default", labels: [String: String] = [:],
        annotations: [String: String] = [:], uid: String? = nil, resourceVersion: String? = nil,
        creationTimestamp: Timestamp? = nil, deletionTimestamp: String? = nil
    ) {
        self.name = name
        self.namespace = namespace
        self.labels = labels
        self.annotations = annotations
        self.uid = uid
        self.resourceVersion = resourceVersion
        self.creationTimestamp = creationTimestamp
        self.deletionTimestamp = deletionTimestamp
    }

    private enum CodingKeys: String, CodingKey {
        case name, namespace, labels, annotations, uid, resourceVersion, creationTimestamp, deletionTimestamp
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.requiredName(.name, .subdomain)
        namespace = try container.name(.namespace, .label) ?? "default"
        labels = try container.textMap(.labels)
        annotations = try container.textMap(.annotations)
        // kubectl leaves the whole object in this one. It would double the memory of every state and make two equal
        // objects differ.
        annotations["kubectl.kubernetes.io/last-applied-configuration"] = nil
        uid = try container.text(.uid)
        resourceVersion = try container.text(.resourceVersion)
        // What cannot be read makes it the youngest; that is no reason not to serve it.
        creationTimestamp = try container.text(.creationTimestamp).flatMap { Timestamp($0) }
        deletionTimestamp = try container.text(.deletionTimestamp)
    }

    /// What identifies an object of one kind.
    public var key: ObjectKey { ObjectKey(namespace: namespace, name: name) }
}

/// Namespace and name: what identifies an object among those of its kind.
public struct ObjectKey: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let namespace: String
    public let name: String

    public init(namespace: String, name: String) {
        self.namespace = namespace
        self.name = name
    }

    public static func < (a: ObjectKey, b: ObjectKey) -> Bool { (a.namespace, a.name) < (b.namespace, b.name) }

    /// `namespace/name`.
    public var description: String { "\(namespace)/\(name)" }
}

/// Label names that decide whether an object is the proxy's business.
public enum WellKnownLabel {
    /// On a Service: another proxy serves it.
    public static let serviceProxyName = "service.kubernetes.io/service-proxy-name"
    /// On a Service and what is derived from it: it has no cluster IP.
    public static let headless = "service.kubernetes.io/headless"
    /// On an EndpointSlice: the Service it belongs to.
    public static let serviceName = "kubernetes.io/service-name"
    /// On a Node: the zone it is in.
    public static let zone = "topology.kubernetes.io/zone"
}
