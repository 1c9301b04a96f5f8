/// When to give memory back to the system: some looks after very many objects have come or gone, once those who were told have
/// let go of theirs, and once more for those who take longer. Without that the room of a whole cluster is kept after its last
/// object has gone.
struct MemoryReturn {
    /// Since then; nil where that is over.
    private var looks: Int?

    private static let manyObjects = 1000
    private static let due = (first: 8, last: 32)

    mutating func note(changes: Int) {
        if changes >= Self.manyObjects { looks = 0 }
    }

    /// To be asked once at each look.
    mutating func isDue() -> Bool {
        guard let count = looks.map({ $0 + 1 }) else { return false }
        looks = count < Self.due.last ? count : nil
        return count == Self.due.first || count == Self.due.last
    }
}
