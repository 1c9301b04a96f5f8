/// What changed for Portico between two runs, as far as it can be told from noise.
public struct Comparison: Codable, Sendable {
    public enum Verdict: String, Codable, Sendable {
        case better, worse
        case withinNoise = "within the noise"
        /// One repetition says nothing about noise.
        case tooFew = "too few repetitions"
    }

    public struct Change: Codable, Sendable {
        public var scenario: String
        public var title: String
        public var metric: Metric
        public var unit: String
        /// The peers whose figures in the same repetition are the yardstick; none: the figures are as measured.
        public var relativeTo: [String]
        /// Medians.
        public var old: Double
        public var new: Double
        /// New over old, and where it lies; nil if there is no ratio.
        public var ratio: Double?
        public var interval: Interval?
        public var verdict: Verdict
    }

    public var changes: [Change]
    /// What makes the comparison weaker than it looks.
    public var remarks: [String]

    public init(from old: Report, to new: Report) {
        changes = []
        remarks = ["machine", "kernel", "congestion control", "isolation"].compactMap { key in
            guard old.environment[key] != new.environment[key] else { return nil }
            return "\(key): \(old.environment[key] ?? "unknown") before, \(new.environment[key] ?? "unknown") now"
        }
        for scenario in new.scenarios where old.results.samples[scenario.name] != nil {
            for metric in scenario.metrics {
                if let change = Self.change(scenario, metric, old.results, new.results) { changes.append(change) }
            }
        }
    }

    /// Those beyond the noise.
    public var real: [Change] { changes.filter { $0.verdict == .better || $0.verdict == .worse } }

    private static func change(
        _ scenario: Scenario, _ metric: Metric, _ old: Results, _ new: Results
    ) -> Change? {
        let yardstick = yardstick(for: metric, scenario.name, old, new)
        func readings(_ results: Results) -> [Double] {
            results.readings(metric, scenario.name, Results.portico, relativeTo: yardstick).sorted()
        }
        let before = readings(old)
        let after = readings(new)
        guard !before.isEmpty, !after.isEmpty else { return nil }
        let ratio = before.median > 0 ? after.median / before.median : nil
        let interval = Interval(ofRatio: after, to: before)
        return Change(
            scenario: scenario.name, title: scenario.title, metric: metric, unit: metric.unit(in: scenario),
            relativeTo: yardstick, old: before.median, new: after.median, ratio: ratio, interval: interval,
            verdict: verdict(metric, before, after, interval))
    }

    private static func verdict(
        _ metric: Metric, _ before: [Double], _ after: [Double], _ interval: Interval?
    ) -> Verdict {
        func verdict(higher: Bool) -> Verdict { higher == metric.isBetterHigher ? .better : .worse }
        // A yes or no has no noise.
        if metric == .works {
            return before.median == after.median ? .withinNoise : verdict(higher: after.median > before.median)
        }
        guard min(before.count, after.count) > 1 else { return .tooFew }
        if let interval {
            if interval.low > 1 { return verdict(higher: true) }
            return interval.high < 1 ? verdict(higher: false) : .withinNoise
        }
        // Around zero there are no ratios: apart is apart.
        if after[0] > before[before.count - 1] { return verdict(higher: true) }
        return after[after.count - 1] < before[0] ? verdict(higher: false) : .withinNoise
    }

    /// Machines drift between two runs. What the others' figures in the same repetitions cancel out, they shall: the
    /// direct path's for rates, those of the peers both runs have for CPU and delays. Sizes don't drift.
    private static func yardstick(
        for metric: Metric, _ scenario: String, _ old: Results, _ new: Results
    ) -> [String] {
        func peers(_ results: Results) -> Set<String> { Set((results.samples[scenario] ?? [:]).keys) }
        let common = peers(old).intersection(peers(new)).subtracting([Results.portico])
        switch metric {
        case .rate: return common.filter { $0 == Results.direct }
        case .cpu, .p50, .p99, .added, .addedP99:
            return common.filter { peer in
                peer != Results.direct
                    && [old, new].allSatisfy { results in
                        results.figure(metric, scenario, peer).map { $0.low > 0 } == true
                    }
            }.sorted()
        case .growth, .lost, .bytesPerPair, .descriptorsPerPair, .pipesPerPair, .resident, .start, .works, .failed,
            .kept, .idleCPU, .server, .scrape:
            return []
        }
    }
}

extension Interval {
    /// Of the ratio of two medians. With six values and more on both sides by drawing them again; with fewer the
    /// extremes, which can't be too narrow. Nil with a single value, and where there is no ratio.
    init?(ofRatio numerators: [Double], to denominators: [Double]) {
        guard min(numerators.count, denominators.count) > 1, let first = denominators.first, first > 0,
            let least = numerators.first, least >= 0
        else { return nil }
        guard min(numerators.count, denominators.count) >= 6 else {
            self.init(
                low: least / denominators[denominators.count - 1], high: numerators[numerators.count - 1] / first)
            return
        }
        // The same numbers each time, so that the same files compare alike.
        var generator = SplitMix(state: 0x9E37_79B9_7F4A_7C15)
        func redrawn(_ values: [Double]) -> Double {
            values.map { _ in values.randomElement(using: &generator) ?? 0 }.sorted().median
        }
        let ratios = (0..<2000).map { _ in redrawn(numerators) / redrawn(denominators) }.sorted()
        self.init(low: ratios[49], high: ratios[1949])
    }
}

/// A small generator of random numbers that starts where it is told.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
