public import Base

/// What a source says at one moment: what differs from what it said before, and how things stand with it.
public struct SourceUpdate: Sendable, Equatable {
    public var changes = ObjectChanges()
    /// All that there are now, not only new ones.
    public var problems: [Problem] = []
    /// Facts that are as intended, one line each; all that there are now.
    public var notes: [String] = []
    /// All that there is has been told.
    public var hasSynced = true
    /// There may be more than it says: a part of it could not be read.
    public var isPartial = false

    public init() {}
}
