internal import Base
public import Cluster
public import Objects

/// Objects from files: read once, then watched.
///
/// Changes are found by looking at the files a few times a second. To be told of them instead (inotify) sounds better
/// and is not: a watch sits on an inode, and what people call a change is mostly another inode under the same name. An
/// editor renames a new file over the old one; a ConfigMap volume turns a symbolic link two folders away; a checkout
/// does both; on NFS nobody is told at all. To a look at path, inode, size and times these are all the same.
///
/// A look takes about a microsecond for each file or folder, and no more than 10,000 are looked at in a second: so up
/// to 2,500 of them a change is seen within one interval of 250 ms, and with 20,000 after 2 s at the latest. It is
/// acted upon when another look agrees: where another file has taken the place of one 0.1 s later, so that it is not
/// read again because its times are so recent; else, where a file may still be being written, after another interval.
public actor ManifestSource: ClusterSource {
    var store: ManifestStore
    private let pollInterval: Duration
    /// What was told last, but for the changes; nil before the first time.
    private var told: SourceUpdate?
    /// The state of the store that this is from.
    private var toldRevision = 0

    /// The actor runs on a thread of its own: reading a file on a slow disk must not hold up one of the few threads
    /// that all of Swift's concurrency shares.
    private let executor = QueueExecutor(label: "portico.manifests")
    public nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    /// - Parameters:
    ///   - inputs: The `-f` arguments in their order; a later object replaces an earlier one of the same name.
    ///   - pollInterval: How often the files are looked at, unless they are very many.
    ///   - inspects: Also says what is probably not as it was meant, and what an API server would not take.
    public init(_ inputs: [ManifestInput], pollInterval: Duration = .milliseconds(250), inspects: Bool = false) {
        store = ManifestStore(inputs: inputs, inspects: inspects)
        self.pollInterval = pollInterval
    }

    /// Reads everything at first, and from then on waits for changes. Reading never fails as a whole: what cannot be
    /// read is among the problems. Nil only when the task is cancelled.
    public func next() async -> SourceUpdate? {
        if told == nil {
            store.load()
            return takeUpdate()
        }
        while !Task.isCancelled {
            try? await Task.sleep(for: pause)
            guard !Task.isCancelled else { break }
            if store.poll(), let update = takeUpdate() { return update }
            guard store.isSoonConfirmed else { continue }
            try? await Task.sleep(for: min(FileTime.fresh, pollInterval))
            guard !Task.isCancelled else { break }
            if store.confirm(), let update = takeUpdate() { return update }
        }
        return nil
    }

    /// Has the next look read every file again, also those that seem not to have changed.
    public func reread() { store.forget() }

    /// What was wrong with the manifests at the last update, with file, line and field.
    public var problems: [ManifestProblem] { store.problems }

    /// How many objects of each kind were left out at the last update.
    public var skipped: [String: Int] { store.skipped }

    /// Something about an object that files have, with its place.
    public func problem(
        _ severity: ManifestProblem.Severity, about id: ObjectID, field: String? = nil, _ message: String
    ) -> ManifestProblem {
        store.table.problem(severity, about: id, field: field, message)
    }

    /// The files that count, with what each said when it was read last.
    public var contents: [(path: String, objects: [ObjectID], hasMistakes: Bool)] {
        store.files.map { file in
            (file.path, file.ids, file.problems.contains { $0.severity == .error })
        }
    }

    var pause: Duration {
        Self.pause(looksAt: store.count, isWaiting: store.isWaiting, interval: pollInterval)
    }

    /// How long to wait before the next look.
    ///
    /// - Parameters:
    ///   - count: of the files and folders.
    ///   - isWaiting: whether the last look found something that the next has to confirm: then that does not take
    ///     longer because there are many.
    static func pause(looksAt count: Int, isWaiting: Bool, interval: Duration) -> Duration {
        isWaiting ? interval : max(interval, .microseconds(100) * count)
    }

    /// - Returns: nil if there is nothing to tell.
    private func takeUpdate() -> SourceUpdate? {
        let changes = store.takeChanges()
        var update = told ?? SourceUpdate()
        if store.revision != toldRevision {
            toldRevision = store.revision
            update.problems = store.problems.map { Problem($0) }
            update.notes = store.notes
            // What is in a file that cannot be read may be anything.
            update.unknownKinds = store.isPartial ? Set(ObjectKind.allCases) : []
        }
        guard told == nil || !changes.isEmpty || update != told else { return nil }
        told = update
        update.changes = changes
        return update
    }
}
