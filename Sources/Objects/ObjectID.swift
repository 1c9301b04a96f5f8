/// What tells an object from all others of a cluster.
public struct ObjectID: Hashable, Comparable, Sendable, CustomStringConvertible {
    public let kind: ObjectKind
    /// Without namespace for a Node.
    public let key: ObjectKey

    /// - Parameter key: its namespace does not count for a Node.
    public init(_ kind: ObjectKind, _ key: ObjectKey) {
        self.kind = kind
        self.key = kind.isNamespaced || key.namespace.isEmpty ? key : ObjectKey(namespace: "", name: key.name)
    }

    // By number instead of by name, as Swift would: there is one look-up for each object that a source reads.
    public static func == (a: ObjectID, b: ObjectID) -> Bool { a.kind.order == b.kind.order && a.key == b.key }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(kind.order)
        hasher.combine(key)
    }

    /// By kind in the order of their declaration, then by namespace and name.
    public static func < (a: ObjectID, b: ObjectID) -> Bool {
        a.kind.order == b.kind.order ? a.key < b.key : a.kind.order < b.kind.order
    }

    /// `Service default/web`, `Node node-a`.
    public var description: String { kind.isNamespaced ? "\(kind.rawValue) \(key)" : "\(kind.rawValue) \(key.name)" }
}
