internal import Base

/// Where a process keeps its ``Status``, and tells any number of readers of each change. Any thread; nothing waits for
/// a reader.
public final class StatusBoard: Sendable {
    private let status = Guarded(Status())
    private let changes = Broadcast<StatusChange>()

    public init() {}

    /// Takes one step, which readers are told of as one change.
    ///
    /// - Returns: what it has made different.
    @discardableResult
    public func update(_ step: (inout Status) -> Void) -> StatusChange {
        status.withLock { status in
            step(&status)
            let change = status.takeChange()
            // Under the lock, so that readers hear of changes in the order in which they were made.
            if !change.isEmpty { changes.send(change) }
            return change
        }
    }

    /// Looks at how things stand now. Others wait meanwhile: take what is wanted and no more. A copy of all of it that
    /// is kept makes the next change copy all.
    public func read<Result: Sendable>(_ look: (borrowing Status) -> Result) -> Result {
        status.withLock { look($0) }
    }

    /// Every change from now on.
    ///
    /// - Parameter room: how many changes may wait for the reader. Of more, the oldest are left out, and it is told so.
    public func reader(room: Int = 1024) -> Broadcast<StatusChange>.Reader { changes.reader(room: room) }

    /// There will be no more changes: readers end when they have heard of all.
    public func finish() { changes.finish() }
}
