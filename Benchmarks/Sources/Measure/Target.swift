/// What Portico is to reach, as a figure that can be compared: the measured value against a floor and an aim.
public struct Target: Sendable {
    public enum Verdict: String, Codable, Sendable {
        case aimMet = "aim met"
        case met
        case missed
    }

    public struct Outcome: Codable, Sendable {
        public var number: String
        public var title: String
        public var measured: Double
        public var least: Double
        public var aim: Double?
        /// "≥" or "≤".
        public var sign: String
        public var verdict: Verdict

        /// Where it stands among the targets.
        var rank: Int { Int(number.dropFirst()) ?? .max }
    }

    enum Direction { case higher, lower }

    let number: String
    let title: String
    let direction: Direction
    /// The measured value, or nil if the run has no data for it.
    let measured: @Sendable (Results) -> Double?
    /// The floor; some depend on what the peers reached in the same run.
    let least: @Sendable (Results) -> Double?
    let aim: Double?

    public func outcome(in results: Results) -> Outcome? {
        guard let measured = measured(results), let least = least(results) else { return nil }
        func reaches(_ limit: Double) -> Bool { direction == .higher ? measured >= limit : measured <= limit }
        let verdict: Verdict = !reaches(least) ? .missed : aim.map(reaches) == true ? .aimMet : .met
        return Outcome(
            number: number, title: title, measured: measured, least: least, aim: aim,
            sign: direction == .higher ? "≥" : "≤", verdict: verdict)
    }
}

extension Results {
    static let portico = "portico"

    /// Everybody but Portico and the direct path.
    private func rivals(_ scenario: String) -> [String] {
        (samples[scenario] ?? [:]).keys.filter { $0 != Results.portico && $0 != Results.direct }
    }

    /// The best peer's rate as a share of the direct path.
    func bestRivalOfDirect(_ scenario: String) -> Double? {
        rivals(scenario).compactMap { ratio(.rate, scenario, $0, to: Results.direct)?.median }.max()
    }

    /// Portico over the peer against which it does worst, i.e. the best peer for this figure.
    func againstBest(_ metric: Metric, _ scenario: String) -> Double? {
        let ratios = rivals(scenario).compactMap { ratio(metric, scenario, Results.portico, to: $0)?.median }
        return metric == .rate ? ratios.min() : ratios.max()
    }

    func against(_ peer: String, _ metric: Metric, _ scenario: String) -> Double? {
        ratio(metric, scenario, Results.portico, to: peer)?.median
    }

    func ofDirect(_ scenario: String) -> Double? { against(Results.direct, .rate, scenario) }

    func own(_ metric: Metric, _ scenario: String) -> Double? {
        figure(metric, scenario, Results.portico)?.median
    }
}
