/// A finished run: what was measured where, and how the targets fare.
public struct Report: Codable, Sendable {
    public struct Participant: Codable, Sendable {
        public var name: String
        public var title: String
        public var version: String

        public init(name: String, title: String, version: String) {
            self.name = name
            self.title = title
            self.version = version
        }
    }

    /// Of the JSON form: 2 knows intervals, the limit and fairness. Files of before have none; they can still be read.
    public static let currentFormat = 2
    public private(set) var format: Int? = Report.currentFormat

    /// Lines that say on what machine and under which conditions.
    public var environment: [String: String]
    public var participants: [Participant]
    /// Peers left out, with the reason.
    public var skipped: [String: String]
    /// What went wrong on the way.
    public var remarks: [String]
    public var repetitions: Int
    public var seconds: Double
    public var results: Results
    public var targets: [Target.Outcome] = []

    public init(
        environment: [String: String], participants: [Participant], skipped: [String: String], remarks: [String],
        repetitions: Int, seconds: Double, results: Results
    ) {
        self.environment = environment
        self.participants = participants
        self.skipped = skipped
        self.remarks = remarks
        self.repetitions = repetitions
        self.seconds = seconds
        self.results = results
        targets = (Target.catalogue + Target.tunnels + Target.watched).compactMap { $0.outcome(in: results) }
            .enumerated()
            .sorted { ($0.element.rank, $0.offset) < ($1.element.rank, $1.offset) }.map(\.element)
    }

    /// The scenarios that were run, in the catalogue's order.
    var scenarios: [Scenario] {
        (Scenario.catalogue + Scenario.tunnels + Scenario.watched).filter { results.samples[$0.name] != nil }
    }
}
