/// When to give memory back to the system: some looks after very many objects have come or gone, once those who were told have
/// let go of theirs. Without that the room of a whole cluster is kept after its last object has gone.
struct MemoryReturn {
    private var looksLeft = 0

    private static let manyObjects = 1000
    private static let looks = 8

    mutating func note(changes: Int) {
        if changes >= Self.manyObjects { looksLeft = Self.looks }
    }

    /// To be asked once at each look.
    mutating func isDue() -> Bool {
        guard looksLeft > 0 else { return false }
        looksLeft -= 1
        return looksLeft == 0
    }
}
