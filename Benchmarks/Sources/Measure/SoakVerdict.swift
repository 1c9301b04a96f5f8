/// How something was early in a soak and how it is at its end: memory, descriptors, a delay.
public struct SoakTrend: Sendable, Codable {
    public var name: String
    /// Medians of minutes 5 to 15 of a run of 30 (of the second sixth to its half of any run), and of the last third.
    public var early: Double
    public var late: Double
    /// How far the medians may be from the truth, by the scatter of the samples; a share of `early`.
    public var noise: Double
    /// The growth that is allowed; a share of `early`.
    public var limit: Double

    /// A run of 30 minutes is allowed 2 %, a shorter one more, because it says less.
    public static func limit(minutes: Double) -> Double { 0.02 * max(1, 30 / minutes) }

    /// Nil with too few samples to say anything.
    ///
    /// - Parameter samples: with their times as shares of the run, 0…1.
    public init?(_ name: String, _ samples: [(time: Double, value: Double)], minutes: Double) {
        let first = samples.filter { (1.0 / 6)...(1.0 / 2) ~= $0.time }.map(\.value)
        let last = samples.filter { $0.time >= 2.0 / 3 }.map(\.value)
        guard first.count >= 2, last.count >= 2 else { return nil }
        self.name = name
        early = Self.median(first)
        late = Self.median(last)
        limit = Self.limit(minutes: minutes)
        guard early > 0 else { return nil }
        let errors = [first, last].map(Self.errorOfMedian)
        // Twice the standard error of the difference.
        noise = 2 * (errors[0] * errors[0] + errors[1] * errors[1]).squareRoot() / early
    }

    /// As a share of `early`; negative if it has shrunk.
    public var growth: Double { late / early - 1 }

    public enum Verdict: String, Sendable, Codable {
        case steady
        /// Above the limit, but not by more than the noise.
        case unclear
        case grew = "GREW"
    }

    public var verdict: Verdict {
        growth <= limit ? .steady : growth <= limit + noise ? .unclear : .grew
    }

    static func median(_ values: [Double]) -> Double {
        let sorted = values.sorted()
        let middle = sorted.count / 2
        return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
    }

    /// By the median distance from the median, which a few outliers do not disturb.
    private static func errorOfMedian(_ values: [Double]) -> Double {
        let middle = median(values)
        let deviation = 1.4826 * median(values.map { abs($0 - middle) })
        return 1.2533 * deviation / Double(values.count).squareRoot()
    }
}
