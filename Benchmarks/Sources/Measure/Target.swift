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
        public var scenario: String
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
    /// The scenario it is about.
    let scenario: String
    let direction: Direction
    /// The measured value, or nil if the run has no data for it.
    let measured: @Sendable (Results, String) -> Double?
    /// The floor; some depend on what the peers reached in the same run.
    let least: @Sendable (Results, String) -> Double?
    let aim: Double?

    public func outcome(in results: Results) -> Outcome? {
        guard let measured = measured(results, scenario), let least = least(results, scenario) else { return nil }
        func reaches(_ limit: Double) -> Bool { direction == .higher ? measured >= limit : measured <= limit }
        let verdict: Verdict = !reaches(least) ? .missed : aim.map(reaches) == true ? .aimMet : .met
        return Outcome(
            number: number, title: title, scenario: scenario, measured: measured, least: least, aim: aim,
            sign: direction == .higher ? "≥" : "≤", verdict: verdict)
    }
}

extension Results {
    static let portico = "portico"
    /// The minimal relay in C.
    static let limit = "c-limit"

    /// The proxies people use: everybody but Portico, the direct path and the limit.
    private func rivals(_ scenario: String) -> [String] {
        (samples[scenario] ?? [:]).keys.filter { ![Results.portico, Results.direct, Results.limit].contains($0) }
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
