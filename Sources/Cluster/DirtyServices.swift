public import Base
public import Objects

/// What a change of objects may have changed about Services.
public struct DirtyServices: Sendable, Equatable {
    /// The Services that changed objects describe, or described before. They may be gone, or not be there yet.
    public var keys: Set<ObjectKey> = []
    /// Addresses that are a Node's now and were not before, or the other way round.
    public var nodeAddresses: Set<IPAddress> = []

    public init() {}
}
