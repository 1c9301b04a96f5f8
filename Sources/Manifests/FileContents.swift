/// What one file says.
struct FileContents: Hashable, Sendable {
    var objects: [LoadedObject] = []
    var failures: [FailedObject] = []
    /// How many objects of each kind were none of the proxy's business.
    var skipped: [String: Int] = [:]
    /// Whether the file could not even be opened or read.
    var failedToRead = false

    /// `web.yaml: skipped 3 Deployment, 1 ConfigMap`; nil if nothing was.
    func skippedNote(file: String) -> String? {
        guard !skipped.isEmpty else { return nil }
        let kinds = skipped.sorted { ($1.value, $0.key) < ($0.value, $1.key) }.map { "\($0.value) \($0.key)" }
        return "\(file): skipped \(kinds.joined(separator: ", "))".onOneLine
    }

    /// What is to be used of a file that has been read again: its objects, and the last good state of those that have
    /// become unreadable.
    ///
    /// A failure with a name keeps the object of that name. One without may have been any of the objects that are gone,
    /// so all of those are kept: a typing mistake must not take a Service down, while one that lingers until the mistake
    /// is mended does no harm.
    mutating func retain(from earlier: FileContents) {
        guard !failures.isEmpty else { return }
        let present = Set(objects.map(\.identity))
        let failed = Set(failures.compactMap(\.identity))
        let mayBeAny = failures.contains { $0.identity == nil }
        var kept: Set<ObjectIdentity> = []
        for var object in earlier.objects where !present.contains(object.identity) {
            guard mayBeAny || failed.contains(object.identity) else { continue }
            object.isRetained = true
            objects.append(object)
            kept.insert(object.identity)
        }
        guard !kept.isEmpty else { return }
        for index in failures.indices {
            let keeps = failures[index].identity.map(kept.contains) ?? true
            if keeps { failures[index].problem.message += "; its last good state stays in use" }
        }
    }
}
