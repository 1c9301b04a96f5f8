public import Base
public import Objects

/// What a source says at one moment: what differs from what it said before, and how things stand with it.
public struct SourceUpdate: Sendable, Equatable {
    public var changes = ObjectChanges()
    /// All that there are now, not only new ones.
    public var problems: [Problem] = []
    /// Facts that are as intended, one line each; all that there are now.
    public var notes: [String] = []
    /// All that there is has been told.
    public var hasSynced = true
    /// Kinds of which there may be more than it says: they could not be read, or not all of them.
    public var unknownKinds: Set<ObjectKind> = []
    /// There may be more than it says.
    public var isPartial: Bool { !unknownKinds.isEmpty }

    public init() {}
}
