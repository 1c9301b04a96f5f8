/// The figures of one scenario with one peer in one repetition.
public struct Sample: Codable, Sendable {
    public var values: [Metric: Double]
    /// Share of the machine that others used meanwhile, 0…1.
    public var othersShare: Double
    public var errors: UInt64

    public init(_ values: [Metric: Double], othersShare: Double = 0, errors: UInt64 = 0) {
        self.values = values
        self.othersShare = othersShare
        self.errors = errors
    }
}

/// All samples of a run: per scenario, per peer, one entry per repetition, nil where there is none.
public struct Results: Codable, Sendable {
    /// The path without a proxy, which everything is compared with.
    public static let direct = "direct"

    public private(set) var samples: [String: [String: [Sample?]]] = [:]

    public init() {}

    public mutating func record(_ sample: Sample?, scenario: String, peer: String) {
        samples[scenario, default: [:]][peer, default: []].append(sample)
    }

    /// The figure in every repetition that has it.
    public func values(_ metric: Metric, _ scenario: String, _ peer: String) -> [Double] {
        series(metric, scenario, peer).compactMap { $0 }
    }

    /// Median and spread of the figure itself.
    public func figure(_ metric: Metric, _ scenario: String, _ peer: String) -> Figure? {
        Figure(values(metric, scenario, peer))
    }

    /// Median and spread of the ratio of two peers, formed inside each repetition: what drifts over a run cancels out.
    public func ratio(_ metric: Metric, _ scenario: String, _ peer: String, to other: String) -> Figure? {
        let pairs = zip(series(metric, scenario, peer), series(metric, scenario, other))
        return Figure(
            pairs.compactMap { value, base in
                guard let value, let base, base > 0 else { return nil }
                return value / base
            })
    }

    private func series(_ metric: Metric, _ scenario: String, _ peer: String) -> [Double?] {
        let own = samples[scenario]?[peer] ?? []
        guard metric == .added else { return own.map { $0?.values[metric] } }
        let direct = samples[scenario]?[Results.direct] ?? []
        return zip(own, direct).map { sample, base in
            guard let value = sample?.values[.p50], let start = base?.values[.p50] else { return nil }
            return value - start
        }
    }
}

/// A median and how far the repetitions lie apart.
public struct Figure: Codable, Sendable, Equatable {
    public var median: Double
    public var low: Double
    public var high: Double
    public var count: Int

    public init?(_ values: [Double]) {
        guard !values.isEmpty else { return nil }
        let sorted = values.sorted()
        let middle = sorted.count / 2
        median = sorted.count.isMultiple(of: 2) ? (sorted[middle - 1] + sorted[middle]) / 2 : sorted[middle]
        low = sorted[0]
        high = sorted[sorted.count - 1]
        count = sorted.count
    }

    /// Half the distance between the extremes, as a share of the median.
    public var spread: Double { median == 0 ? 0 : (high - low) / 2 / median }
}
