internal import Base
internal import Cluster
internal import Documents
internal import Objects

/// What is known of the objects of one reflector: the version of each, and those that cannot be read. The objects themselves
/// are passed on as changes, and not kept.
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
    /// Counts lists: what is not in the last one is gone.
    private var round: UInt32 = 0
    /// What has become different and has not been taken.
    private var changes = ObjectChanges()
    /// Counts how often the problems have changed.
    private(set) var revision = 0

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
        let old = failures.filter { $0.value.round != round }
        for id in old.keys { failures[id] = nil }
        if !old.isEmpty { revision += 1 }
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
            if failures.removeValue(forKey: id) != nil { revision += 1 }
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
        if failures[object.id]?.problem != problem { revision += 1 }
        failures[object.id] = Failure(problem: problem, round: round)
    }

    /// The object is gone.
    mutating func remove(_ id: ObjectID) {
        if let entry = entries[id] { remove(id, entry) }
    }

    private mutating func remove(_ id: ObjectID, _ entry: Entry) {
        entries[id] = nil
        if entry.isTold { changes.remove(id) }
        if failures.removeValue(forKey: id) != nil { revision += 1 }
    }

    /// Objects that cannot be used, in the order of their names.
    var problems: [Problem] {
        let all = failures.sorted { a, b in
            guard let first = a.key, let second = b.key else { return a.key != nil && b.key == nil }
            return first < second
        }
        var problems = all.prefix(Self.mostProblems).map(\.value.problem)
        if all.count > problems.count {
            problems.append(Problem(.error, .object, "\(all.count - problems.count) more objects cannot be read"))
        }
        return problems
    }
}
