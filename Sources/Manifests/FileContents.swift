internal import Base
internal import Objects

/// An object as a file has it, and where it stands there.
struct LoadedObject: Hashable, Sendable {
    var object: ClusterObject
    var line: Int
    /// Nil where there is only one.
    var document: Int?
    /// Whether this is an older state, kept because the file's present one cannot be read.
    var isRetained = false

    var id: ObjectID { object.id }
}

/// An object that could not be read.
struct FailedObject: Hashable, Sendable {
    /// Nil where not even its name can be told.
    var id: ObjectID?
    var problem: ManifestProblem
}

/// What one file says.
struct FileContents: Hashable, Sendable {
    private(set) var objects: [LoadedObject] = []
    private(set) var failures: [FailedObject] = []
    /// What is wrong with objects that are used all the same; only where somebody looks for mistakes.
    private(set) var remarks: [ManifestProblem] = []
    /// Failures beyond those that are told.
    private var untold = 0
    /// How many objects of each kind were none of the proxy's business.
    private(set) var skipped: [String: Int] = [:]
    /// Whether the file could not even be opened or read.
    var failedToRead = false

    /// A file of a million mistakes is one mistake, and nobody reads further.
    static let mostFailures = 1000
    private var count: Int { failures.count + remarks.count }

    // MARK: Filling

    mutating func add(_ object: LoadedObject) { objects.append(object) }

    mutating func add(_ failure: FailedObject) {
        if count < Self.mostFailures { failures.append(failure) } else { untold += 1 }
    }

    mutating func add(remark: ManifestProblem) {
        if count < Self.mostFailures { remarks.append(remark) } else { untold += 1 }
    }

    /// Takes failures out that something else explains.
    mutating func removeFailures(_ areExplained: (ManifestProblem) -> Bool) -> Bool {
        let count = failures.count
        failures.removeAll { areExplained($0.problem) }
        return failures.count < count
    }

    mutating func skip(_ kind: String) { skipped[kind, default: 0] += 1 }

    mutating func add(_ other: FileContents) {
        if objects.isEmpty { objects = other.objects } else { objects += other.objects }
        for failure in other.failures { add(failure) }
        for remark in other.remarks { add(remark: remark) }
        untold += other.untold
        skipped.merge(other.skipped, uniquingKeysWith: +)
    }

    /// Says of everything that it is in this document, once it turns out that there are several.
    mutating func place(inDocument number: Int) {
        for index in objects.indices { objects[index].document = number }
        for index in failures.indices { failures[index].problem.document = number }
        for index in remarks.indices { remarks[index].document = number }
    }

    // MARK: What follows

    /// What is wrong, in the order of the file.
    func problems(file: String) -> [ManifestProblem] {
        var told = failures.map(\.problem)
        if !remarks.isEmpty {
            told = (told + remarks).sorted { ($0.document ?? 0, $0.line ?? 0) < ($1.document ?? 0, $1.line ?? 0) }
        }
        return untold == 0 ? told : told + [ManifestProblem(file: file, message: "\(untold) more mistakes")]
    }

    /// `web.yaml: skipped 3 Deployment, 1 ConfigMap`; nil if nothing was.
    func skippedNote(file: String) -> String? {
        guard !skipped.isEmpty else { return nil }
        let sorted = skipped.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        let kinds = sorted.prefix(20).map { "\($0.value) \($0.key)" }
        let others = sorted.dropFirst(20).reduce(0) { $0 + $1.value }
        return "\(file): skipped \(kinds.joined(separator: ", "))\(others > 0 ? " and \(others) of other kinds" : "")"
            .onOneLine
    }

    /// Adds the last good state of objects that have become unreadable.
    ///
    /// A failure with a name keeps the object of that name. One without may have been any of the objects that are gone,
    /// so all of those are kept: a typing mistake must not take a Service down, while one that lingers until the
    /// mistake is mended does no harm.
    ///
    /// - Parameter earlier: what the file had when it was read before.
    mutating func retain(from earlier: [LoadedObject]) {
        guard !failures.isEmpty else { return }
        let present = Set(objects.map(\.id))
        let failed = Set(failures.compactMap(\.id))
        let mayBeAny = untold > 0 || failures.contains { $0.id == nil }
        var kept: Set<ObjectID> = []
        for var object in earlier where !present.contains(object.id) {
            guard mayBeAny || failed.contains(object.id) else { continue }
            object.isRetained = true
            objects.append(object)
            kept.insert(object.id)
        }
        guard !kept.isEmpty else { return }
        // Once for each object.
        var told: Set<ObjectID> = []
        for index in failures.indices {
            let keeps = failures[index].id.map { kept.contains($0) && told.insert($0).inserted } ?? true
            if keeps { failures[index].problem.message += "; its last good state stays in use" }
        }
    }
}
