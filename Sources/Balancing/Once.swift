internal import Synchronization

/// Something that is to happen once, whoever comes to it first. Any thread.
public final class Once: Sendable {
    private let done = Atomic<Bool>(false)

    public init() {}

    /// Whether nobody has asked before.
    public func isFirst() -> Bool {
        !done.exchange(true, ordering: .relaxed)
    }
}
