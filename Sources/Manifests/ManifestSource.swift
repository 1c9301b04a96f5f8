internal import Base
internal import EventLoop

/// Services from files: loaded once, then watched.
///
/// Changes are found by looking at the files a few times a second. To be told of them instead (inotify) sounds better
/// and is not: a watch sits on an inode, and what people call a change is mostly another inode under the same name. An
/// editor renames a new file over the old one; a ConfigMap volume turns a symbolic link two folders away; a checkout does
/// both; on NFS nobody is told at all. To a look at path, inode, size and times these are all the same, and looking at a
/// hundred files takes a fraction of a millisecond.
public actor ManifestSource {
    private var store: ManifestStore
    private let pollInterval: Duration
    private var last = ManifestResult()

    /// The actor runs on a thread of its own: reading a file on a slow disk must not hold up one of the few threads that
    /// all of Swift's concurrency shares.
    private let executor = QueueExecutor(label: "portico.manifests")
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// - Parameters:
    ///   - inputs: The `-f` arguments in their order; a later object replaces an earlier one of the same name.
    ///   - pollInterval: How often the files are looked at. A change is seen after one to two intervals.
    public init(_ inputs: [ManifestInput], pollInterval: Duration = .milliseconds(250)) {
        store = ManifestStore(inputs: inputs)
        self.pollInterval = pollInterval
    }

    /// Reads everything. Never fails as a whole: what cannot be read is among the result's problems.
    ///
    /// Called again, it reads what changed since, without waiting for changes to settle.
    public func load() -> ManifestResult {
        last = store.load()
        return last
    }

    /// A complete result after every change of the files, compared with the last one given by this source. Results that
    /// would say the same are left out, and of several that nobody has taken yet only the latest is kept. Ends when the
    /// task that iterates it is cancelled.
    ///
    /// Meant for one reader: of two, each would get some of the changes.
    public nonisolated func changes() -> AsyncStream<ManifestResult> {
        AsyncStream(bufferingPolicy: .bufferingNewest(1)) { continuation in
            let task = Task {
                while !Task.isCancelled {
                    if let result = await self.poll() { continuation.yield(result) }
                    try? await Task.sleep(for: pollInterval)
                }
                continuation.finish()
            }
            continuation.onTermination = { _ in task.cancel() }
        }
    }

    /// Has the next look read every file again, also those that seem not to have changed.
    public func reread() { store.forgetFingerprints() }

    private func poll() -> ManifestResult? {
        guard let result = store.poll(), result != last else { return nil }
        last = result
        return result
    }

    /// What `portico check` reports: the problems of a single load.
    public static func problems(in inputs: [ManifestInput]) async -> [ManifestProblem] {
        await ManifestSource(inputs).load().problems
    }
}
