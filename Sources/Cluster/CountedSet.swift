/// A set that knows how often each element was put in: it is there until it has been taken out as often.
struct CountedSet<Element: Hashable & Sendable>: Sendable {
    private var counts: [Element: Int] = [:]

    var count: Int { counts.count }
    var elements: some Collection<Element> { counts.keys }

    func contains(_ element: Element) -> Bool { counts[element] != nil }

    /// - Returns: whether it was not there before.
    @discardableResult
    mutating func insert(_ element: Element) -> Bool {
        counts[element, default: 0] += 1
        return counts[element] == 1
    }

    /// Nothing happens to an element that is not there.
    ///
    /// - Returns: whether it was there for the last time.
    @discardableResult
    mutating func remove(_ element: Element) -> Bool {
        guard let count = counts[element] else { return false }
        counts[element] = count > 1 ? count - 1 : nil
        return count == 1
    }
}
