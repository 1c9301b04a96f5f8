import Glibc

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
    /// Share of the machine others may use before a sample counts as dirty.
    public let maxOthers: Double

    public init(maxOthers: Double = 0.05) { self.maxOthers = maxOthers }

    public mutating func record(_ sample: Sample?, scenario: String, peer: String) {
        samples[scenario, default: [:]][peer, default: []].append(sample)
    }

    /// Median and spread of the figure itself.
    public func figure(_ metric: Metric, _ scenario: String, _ peer: String) -> Figure? {
        Figure(trusted(series(metric, scenario, peer).compactMap { $0 }))
    }

    /// Median and spread of the ratio of two peers, formed inside each repetition: what drifts over a run cancels out.
    public func ratio(_ metric: Metric, _ scenario: String, _ peer: String, to other: String) -> Figure? {
        let pairs = zip(series(metric, scenario, peer), series(metric, scenario, other))
        let ratios = pairs.compactMap { value, base -> Reading? in
            guard let value, let base, base.value > 0 else { return nil }
            return Reading(value: value.value / base.value, isDirty: value.isDirty || base.isDirty)
        }
        return Figure(trusted(ratios))
    }

    /// The trusted readings of a figure as multiples of a yardstick, the geometric mean of other peers' in the same
    /// repetition; of none, the readings themselves.
    func readings(_ metric: Metric, _ scenario: String, _ peer: String, relativeTo others: [String]) -> [Double] {
        let bases = others.map { series(metric, scenario, $0) }
        let readings = series(metric, scenario, peer).enumerated().compactMap { repetition, reading -> Reading? in
            guard var reading else { return nil }
            var yardstick = 1.0
            for base in bases {
                guard base.indices.contains(repetition), let base = base[repetition], base.value > 0 else { return nil }
                yardstick *= pow(base.value, 1 / Double(bases.count))
                reading.isDirty = reading.isDirty || base.isDirty
            }
            reading.value /= yardstick
            return reading
        }
        return trusted(readings)
    }

    /// Whether some participant's figures rest on dirty samples, for want of clean ones.
    public func isDirty(_ scenario: String) -> Bool {
        (samples[scenario] ?? [:]).values.contains { list in
            let all = list.compactMap { $0 }
            return all.count { !isDirty($0) } < min(2, all.count)
        }
    }

    func isDirty(_ sample: Sample) -> Bool { sample.othersShare > maxOthers }

    private struct Reading {
        var value: Double
        var isDirty: Bool
    }

    /// The clean readings, if there are enough of them to speak of a median; else all there is.
    private func trusted(_ readings: [Reading]) -> [Double] {
        let clean = readings.filter { !$0.isDirty }
        return (clean.count >= min(2, readings.count) ? clean : readings).map(\.value)
    }

    private func series(_ metric: Metric, _ scenario: String, _ peer: String) -> [Reading?] {
        let own = samples[scenario]?[peer] ?? []
        guard metric == .added else {
            return own.map { sample in
                sample.flatMap { found in
                    found.values[metric].map { Reading(value: $0, isDirty: isDirty(found)) }
                }
            }
        }
        let direct = samples[scenario]?[Results.direct] ?? []
        return own.enumerated().map { repetition, sample in
            guard let sample else { return nil }
            // Beside a load both paths were measured at once.
            if let value = sample.values[.added] { return Reading(value: value, isDirty: isDirty(sample)) }
            guard direct.indices.contains(repetition), let base = direct[repetition],
                let value = sample.values[.p50], let start = base.values[.p50]
            else { return nil }
            return Reading(value: value - start, isDirty: isDirty(sample) || isDirty(base))
        }
    }
}
