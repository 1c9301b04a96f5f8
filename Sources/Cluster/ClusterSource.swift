/// Where the objects of a cluster come from: files, an API server. Meant for one reader; of two, each would be told a
/// part.
public protocol ClusterSource: Sendable {
    /// The next update. The first call returns all that there is. Every other waits until something differs from what
    /// was told before; what changes until it is called comes together.
    ///
    /// - Returns: nil when there will be no more, or when the task is cancelled.
    func next() async -> SourceUpdate?

    /// Has everything read again, changed or not; what differs comes by ``next()``.
    func reread() async
}
