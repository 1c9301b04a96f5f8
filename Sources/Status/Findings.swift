public import Objects

/// Who has found something, in the order in which findings are shown.
public enum Finder: Hashable, Comparable, Sendable {
    /// What it was told to do.
    case configuration
    /// Where the objects come from, such as manifests.
    case source
    /// What looks at all Services together, and at the node.
    case services
    case service(ObjectKey)
    /// Who tries to reach endpoints.
    case endpoints
    case health
    case admin
    case rules
}

/// Things that people should know, for as long as they are so. Each finder keeps a list of its own, which it replaces
/// as a whole; the same may be in several lists, and is shown once.
///
/// To replace a list takes time in proportion to that list, however many others there are.
public struct Findings<Item: Hashable & Sendable>: Sendable {
    private var lists: [Finder: [Item]] = [:]
    /// How many lists have it.
    private var counts: [Item: Int] = [:]
    /// What has come or gone since the difference was taken, in that order, and whether it was there before.
    private var touched: [(item: Item, wasThere: Bool)] = []
    private var isTouched: Set<Item> = []

    public init() {}

    /// What `finder` knows of from now on, in place of what it knew of.
    public mutating func replace(_ items: [Item], of finder: Finder) {
        let before = lists[finder] ?? []
        guard items != before else { return }
        lists[finder] = items.isEmpty ? nil : items
        for item in items { count(item, by: 1) }
        for item in before { count(item, by: -1) }
    }

    private mutating func count(_ item: Item, by step: Int) {
        let before = counts[item] ?? 0
        counts[item] = before + step == 0 ? nil : before + step
        if before == 0 || before + step == 0, isTouched.insert(item).inserted { touched.append((item, before > 0)) }
    }

    /// What differs from how things were when this was last called.
    public mutating func takeDifference() -> Difference<Item> {
        guard !touched.isEmpty else { return Difference() }
        defer { (touched, isTouched) = ([], []) }
        return Difference(
            new: touched.filter { !$0.wasThere && counts[$0.item] != nil }.map(\.item),
            over: touched.filter { $0.wasThere && counts[$0.item] == nil }.map(\.item))
    }

    /// Each once, in the order of the finders.
    public var current: [Item] {
        var seen: Set<Item> = []
        return lists.sorted { $0.key < $1.key }.flatMap(\.value).filter { seen.insert($0).inserted }
    }

    /// How many there are, each counted once.
    public var count: Int { counts.count }

    /// How many of them there are of a kind, each counted once; takes time in proportion to all.
    public func count(where isWanted: (Item) -> Bool) -> Int { counts.keys.count(where: isWanted) }
}

/// What has come, and what is over.
public struct Difference<Item: Hashable & Sendable>: Sendable, Equatable {
    public var new: [Item]
    public var over: [Item]

    public init(new: [Item] = [], over: [Item] = []) {
        self.new = new
        self.over = over
    }

    public var isEmpty: Bool { new.isEmpty && over.isEmpty }
}
