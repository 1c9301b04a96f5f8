public import Objects

/// What a source says has changed, by object; the last word on each counts.
public struct ObjectChanges: Sendable, Equatable {
    /// Nil for an object that is gone.
    public private(set) var objects: [ObjectID: ClusterObject?] = [:]

    public init() {}

    /// The object is there, and as it is here.
    public mutating func update(_ object: ClusterObject) { objects[object.id] = .some(object) }

    /// The object is gone.
    public mutating func remove(_ id: ObjectID) { objects[id] = .some(nil) }

    /// Adds what has changed after this.
    public mutating func merge(_ later: ObjectChanges) { objects.merge(later.objects) { _, last in last } }

    public var isEmpty: Bool { objects.isEmpty }
}
