internal import Base
internal import Cluster
internal import Objects

/// Who says what about which object. Of several files that have an object, the last one in order has the word.
///
/// Kept by object, so that a file that changes costs what is in that file, however many others there are.
struct ObjectTable {
    private struct Version {
        let file: ManifestFile
        var loaded: LoadedObject
    }

    /// In the order of the files, and within one in the order of its text.
    private var versions: [ObjectID: [Version]] = [:]
    /// Objects that are there more than once.
    private var repeated: Set<ObjectID> = []
    /// Objects that have been touched since the changes were taken, as they were before; nil for one that was not
    /// there.
    private var before: [ObjectID: ClusterObject?] = [:]

    /// Whether what ``warnings()`` says may have changed since the changes were taken.
    private(set) var hasNewWarnings = false

    var count: Int { versions.count }

    /// Takes what a file has now in place of what it had. Its ``ManifestFile/ids`` follow.
    mutating func replace(_ file: ManifestFile, with objects: [LoadedObject]) {
        for id in file.ids { change(id) { $0.removeAll { $0.file === file } } }
        file.ids = objects.map(\.id)
        for (id, loaded) in zip(file.ids, objects) {
            change(id) { versions in
                let position = versions.lastIndex { !file.comesBefore($0.file) }.map { $0 + 1 } ?? 0
                versions.insert(Version(file: file, loaded: loaded), at: position)
            }
        }
    }

    private mutating func change(_ id: ObjectID, _ body: (inout [Version]) -> Void) {
        var list = versions.removeValue(forKey: id) ?? []
        if !before.keys.contains(id) { before[id] = .some(list.last?.loaded.object) }
        let wasRepeated = list.count > 1
        body(&list)
        if list.count > 1 { repeated.insert(id) } else if wasRepeated { repeated.remove(id) }
        hasNewWarnings = hasNewWarnings || wasRepeated || list.count > 1
        if list.isEmpty { versions.giveBackRoom() } else { versions[id] = list }
    }

    /// What a file had when it was last read.
    func objects(of file: ManifestFile) -> [LoadedObject] {
        var seen: Set<ObjectID> = []
        return file.ids.filter { seen.insert($0).inserted }.flatMap { id in
            (versions[id] ?? []).filter { $0.file === file }.map(\.loaded)
        }
    }

    /// The object that counts.
    func object(_ id: ObjectID) -> ClusterObject? { versions[id]?.last?.loaded.object }

    /// Something about an object, with its place.
    func problem(
        _ severity: ManifestProblem.Severity, about id: ObjectID, field: String?, _ message: String
    ) -> ManifestProblem {
        let version = versions[id]?.last
        return ManifestProblem(
            severity: severity, file: version?.file.displayName ?? "", line: version?.loaded.line,
            document: version?.loaded.document, object: id.description, field: field, message: message)
    }

    /// What is other than when this was called before.
    mutating func takeChanges() -> ObjectChanges {
        var changes = ObjectChanges()
        for (id, earlier) in before {
            let now = object(id)
            if now == earlier { continue }
            if let now { changes.update(now) } else { changes.remove(id) }
        }
        before = [:]
        hasNewWarnings = false
        return changes
    }

    /// Warns of each object that takes the place of another, by the file that it is in.
    func warnings() -> [ObjectIdentifier: [ManifestProblem]] {
        var warnings: [ObjectIdentifier: [ManifestProblem]] = [:]
        for id in repeated.sorted() {
            let list = versions[id] ?? []
            for (earlier, later) in zip(list, list.dropFirst()) {
                // An object that moves from one file to another while the first is broken is no mistake.
                guard !later.loaded.isRetained, !earlier.loaded.isRetained else { continue }
                warnings[ObjectIdentifier(later.file), default: []].append(
                    ManifestProblem(
                        severity: .warning, file: later.file.displayName, line: later.loaded.line,
                        document: later.loaded.document, object: id.description,
                        message: "replaces the one in \(earlier.file.displayName):\(earlier.loaded.line)"))
            }
        }
        return warnings.mapValues { $0.sorted { ($0.document ?? 0, $0.line ?? 0) < ($1.document ?? 0, $1.line ?? 0) } }
    }
}
