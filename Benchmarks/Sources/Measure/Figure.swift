/// A median and how far the repetitions lie apart.
public struct Figure: Codable, Sendable, Equatable {
    public var median: Double
    public var low: Double
    public var high: Double
    public var count: Int
    /// Where the true median lies with 95 % confidence; nil with fewer than six values, which can't tell.
    public var interval: Interval?

    public init?(_ values: [Double]) {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        median = sorted.median
        low = sorted[0]
        high = sorted[sorted.count - 1]
        count = sorted.count
        interval = Interval(ofMedian: sorted)
    }

    /// Half the distance between the extremes, as a share of the median.
    public var spread: Double { median == 0 ? 0 : (high - low) / 2 / median }
}

/// A range in which something lies with 95 % confidence.
public struct Interval: Codable, Sendable, Equatable {
    public var low: Double
    public var high: Double

    public init(low: Double, high: Double) {
        self.low = low
        self.high = high
    }

    /// From order statistics, which assume nothing about how the values are distributed: the number of values below the
    /// true median is that of heads among as many coins.
    init?(ofMedian sorted: [Double]) {
        let count = sorted.count
        var probability = 1.0
        for _ in 0..<count { probability /= 2 }
        // The chance that at most `outside` values lie on one given side of the median.
        var tail = probability
        var outside = 0
        while tail * 2 <= 0.05 {
            outside += 1
            probability *= Double(count - outside + 1) / Double(outside)
            tail += probability
        }
        guard outside > 0 else { return nil }
        self.init(low: sorted[outside - 1], high: sorted[count - outside])
    }
}

extension [Double] {
    /// Of values in order, at least one.
    var median: Double {
        let middle = count / 2
        return count.isMultiple(of: 2) ? (self[middle - 1] + self[middle]) / 2 : self[middle]
    }
}
