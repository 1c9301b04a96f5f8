internal import Synchronization

/// A number that one thread makes larger and any thread may read at any time.
///
/// Its writer pays for a load, an addition and a store of a word that nobody else writes: what a plain variable costs,
/// and no atomic read-modify-write.
struct Counter: ~Copyable, Sendable {
    private let word = Atomic<UInt64>(0)

    var value: UInt64 { word.load(ordering: .relaxed) }

    /// The writer's thread.
    @inline(__always)
    func add(_ count: UInt64 = 1) {
        word.store(word.load(ordering: .relaxed) &+ count, ordering: .relaxed)
    }
}

/// The same for a number that rises and falls: how many there are of something now.
struct Level: ~Copyable, Sendable {
    private let word = Atomic<Int>(0)

    var value: Int { word.load(ordering: .relaxed) }

    /// The writer's thread.
    @inline(__always)
    func add(_ count: Int) { set(word.load(ordering: .relaxed) &+ count) }

    /// The writer's thread.
    @inline(__always)
    func set(_ count: Int) { word.store(count, ordering: .relaxed) }
}
