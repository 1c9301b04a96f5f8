/// How long things took, sorted into ranges, since the relay began.
public struct Durations: Sendable, Equatable {
    /// The upper ends of the ranges, in milliseconds; what took longer is counted behind the last.
    public let bounds: [UInt64]
    /// How many fell in each range, without the smaller ones; one more than there are bounds.
    public private(set) var counts: [UInt64]
    /// All of them together, in milliseconds.
    public private(set) var sum: UInt64 = 0

    public var count: UInt64 { counts.reduce(0, +) }

    init(_ bounds: DurationCells.Bounds) {
        self.bounds = bounds.indices.map { bounds[$0] }
        counts = Array(repeating: 0, count: bounds.count + 1)
    }

    mutating func add(_ cells: borrowing DurationCells) {
        for index in counts.indices { counts[index] += cells.counts[index].value }
        sum += cells.sum.value
    }
}

/// The same as one worker counts it, and anybody reads it. The clock is the loop's, which nobody has to ask again.
struct DurationCells: ~Copyable, Sendable {
    typealias Bounds = InlineArray<14, UInt64>

    /// From a client's arrival until an endpoint had taken it, in milliseconds.
    static let connecting: Bounds = [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000]
    /// From a client's arrival to its end.
    static let open: Bounds = [
        1, 5, 25, 100, 500, 1000, 5000, 15_000, 60_000, 300_000, 1_200_000, 3_600_000, 14_400_000, 86_400_000,
    ]

    let counts = InlineArray<15, Counter> { _ in Counter() }
    let sum = Counter()

    /// The writer's thread.
    func add(_ milliseconds: UInt64, _ bounds: borrowing Bounds) {
        var index = 0
        while index < bounds.count, milliseconds > bounds[index] { index += 1 }
        counts[index].add()
        sum.add(milliseconds)
    }
}
