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
        /// Of `measured`, if there were repetitions enough.
        public var interval: Interval?
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
    let measured: @Sendable (Results, String) -> Figure?
    /// The floor; some depend on what the peers reached in the same run.
    let least: @Sendable (Results, String) -> Double?
    let aim: Double?
    /// The aim is no difference that can be shown: its figure must not lie outside the interval on the wrong side.
    var aimsAtNoDifference = false

    public func outcome(in results: Results) -> Outcome? {
        guard let measured = measured(results, scenario), let least = least(results, scenario) else { return nil }
        func reaches(_ value: Double, _ limit: Double) -> Bool {
            direction == .higher ? value >= limit : value <= limit
        }
        // The end of the interval that speaks for us; without one nothing has been shown.
        let best = direction == .higher ? measured.interval?.high : measured.interval?.low
        let aimed = aimsAtNoDifference ? best : measured.median
        let reachesAim = aim.map { aim in aimed.map { reaches($0, aim) } == true } == true
        let verdict: Verdict = !reaches(measured.median, least) ? .missed : reachesAim ? .aimMet : .met
        return Outcome(
            number: number, title: title, scenario: scenario, measured: measured.median, interval: measured.interval,
            least: least, aim: aim,
            sign: direction == .higher ? "≥" : "≤", verdict: verdict)
    }
}

extension Results {
    public static let portico = "portico"
    /// The minimal relay in C.
    static let limit = "c-limit"

    /// An earlier Portico in the same run.
    public static let before = "before"

    /// The proxies people use: everybody but Portico, the direct path and the limit.
    private func rivals(_ scenario: String) -> [String] {
        (samples[scenario] ?? [:]).keys.filter {
            ![Results.portico, Results.before, Results.direct, Results.limit].contains($0)
        }
    }

    /// The best peer's rate as a share of the direct path.
    func bestRivalOfDirect(_ scenario: String) -> Double? {
        rivals(scenario).compactMap { ratio(.rate, scenario, $0, to: Results.direct)?.median }.max()
    }

    /// Portico over the peer against which it does worst, i.e. the best peer for this figure.
    func againstBest(_ metric: Metric, _ scenario: String) -> Figure? {
        let ratios = rivals(scenario).compactMap { ratio(metric, scenario, Results.portico, to: $0) }
        return metric == .rate ? ratios.min { $0.median < $1.median } : ratios.max { $0.median < $1.median }
    }

    func against(_ peer: String, _ metric: Metric, _ scenario: String) -> Figure? {
        ratio(metric, scenario, Results.portico, to: peer)
    }

    func ofDirect(_ scenario: String) -> Figure? { against(Results.direct, .rate, scenario) }

    func own(_ metric: Metric, _ scenario: String) -> Figure? {
        figure(metric, scenario, Results.portico)
    }
}
