internal import Base
internal import Cluster
internal import Documents
internal import Objects

/// The store of a reflector, without the objects: the resourceVersion of each that the server has told of, which of
/// them cannot be read, and what has changed since somebody took it. The objects themselves are in those changes, and
/// not kept.
struct ObjectLedger {
    /// More than any cluster has: a server that sends more without end is not to take all memory.
    static let most = 250_000
    /// So many problems are told one by one.
    static let mostProblems = 20

    private struct Entry {
        var version: String?
        var round: UInt32
        /// It has been passed on, in this version or an earlier one.
        var isTold: Bool
    }

    private struct Failure {
        var problem: Problem
        var round: UInt32
    }

    private var entries: [ObjectID: Entry] = [:]
    /// Those without a name have one place for all.
    private var failures: [ObjectID?: Failure] = [:]
    /// Those of them that are told one by one. They go on being told, whatever cannot be read after them.
    private var named: [ObjectID?] = []
    /// Counts lists: what is not in the last one is gone.
    private var round: UInt32 = 0
    /// What has become different and has not been taken.
    private var changes = ObjectChanges()

    private let most: Int

    init(most: Int = Self.most) { self.most = most }

    var count: Int { entries.count }
    var isFull: Bool { entries.count > most }
    var hasChanges: Bool { !changes.isEmpty }

    mutating func takeChanges() -> ObjectChanges {
        defer { changes = ObjectChanges() }
        return changes
    }

    /// All objects come again, each once, until ``endList()``.
    mutating func beginList() { round &+= 1 }

    /// What has not come since ``beginList()`` is gone.
    mutating func endList() {
        for (id, entry) in entries where entry.round != round { remove(id, entry) }
        for (id, failure) in failures where failure.round != round { failures[id] = nil }
        nameOthers()
    }

    /// The object is there, and like this.
    mutating func update(_ object: WireObject, _ strings: StringCache) {
        guard let id = object.id else {
            return fail(UnreadableObject(id: nil, "metadata.name: expected text, found nothing"))
        }
        let version = object.version
        if version != nil, entries[id]?.version == version {
            entries[id]?.round = round
            failures[id]?.round = round
            return
        }
        do throws(UnreadableObject) {
            let decoded = try object.decode(strings)
            // Its own id, which shares the memory of its names.
            entries[decoded.id] = Entry(version: version, round: round, isTold: true)
            if failures.removeValue(forKey: id) != nil { nameOthers() }
            changes.update(decoded)
        } catch {
            fail(error, version)
        }
    }

    /// The object is there, and cannot be used: it stays as it was until it can.
    mutating func fail(_ object: UnreadableObject, _ version: String? = nil) {
        var isTold = false
        if let id = object.id {
            isTold = entries[id]?.isTold ?? false
            entries[id] = Entry(version: version, round: round, isTold: isTold)
        }
        let consequence =
            object.id == nil
            ? "it is left out" : isTold ? "it stays as it was before" : "it is left out until it is mended"
        let problem = Problem(
            .error, .object, subject: object.name, "\(object.finding); \(consequence)")
        failures[object.id] = Failure(problem: problem, round: round)
        nameOthers()
    }

    /// The object is gone.
    mutating func remove(_ id: ObjectID) {
        guard let entry = entries[id] else { return }
        remove(id, entry)
        nameOthers()
    }

    private mutating func remove(_ id: ObjectID, _ entry: Entry) {
        entries[id] = nil
        if entry.isTold { changes.remove(id) }
        failures[id] = nil
    }

    // MARK: Telling

    /// Objects that cannot be used, in the order of their names. Asked for with each piece that comes, so it costs what
    /// is told.
    var problems: [Problem] {
        var problems = named.sorted { a, b in
            guard let a, let b else { return a != nil && b == nil }
            return a < b
        }.compactMap { failures[$0]?.problem }
        if failures.count > problems.count {
            problems.append(Problem(.error, .object, "\(failures.count - problems.count) more objects cannot be read"))
        }
        return problems
    }

    /// Others are told in the place of those that are over.
    private mutating func nameOthers() {
        named.removeAll { failures[$0] == nil }
        while named.count < min(Self.mostProblems, failures.count),
            let next = failures.keys.first(where: { !named.contains($0) })
        {
            named.append(next)
        }
    }
}
