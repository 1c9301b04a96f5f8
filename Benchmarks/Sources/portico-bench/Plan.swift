import Measure

/// What a run is to measure, and how long.
struct Plan {
    var scenarios: [Scenario]
    var repetitions: Int
    var seconds: Double
    /// Length of a fairness run: long enough to show what grows.
    var fairSeconds: Double
    var idlePairs: Int
    /// Share of the machine that others may use before a measurement is thrown away.
    var maxOthers: Double
    /// Whether somebody named the peers, rather than taking all that a scenario is about.
    var peersWereChosen: Bool

    /// Lets connections open, windows grow and splicing set in before anything counts.
    var warmUp: Double { min(0.4, seconds / 2) }
    /// Throw-aways for the whole run: on a busy machine it must still end.
    var spareMeasurements: Int { max(2, scenarios.count * repetitions) }
}
