import ArgumentParser
import Glibc
import Measure

/// `portico-bench watched`: what metrics and the access log cost.
struct Watched: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures what a scrape each second and the access log cost, in one interleaved run.",
        discussion: """
            Three times the same `portico dev`: one that nobody watches, one whose metrics are asked for each second, and one \
            that writes an access log of every connection. Each has 10,000 Services besides the one that is measured, all with \
            metrics of their own. In a network namespace made for the run, which needs root.
            """)

    @OptionGroup var options: ScenarioOptions

    @Option(help: "Services besides the one that is measured.")
    var services = 10_000

    @Option(help: "How often each scenario is measured.")
    var repetitions = 7

    @Option(help: "Length of one measurement.")
    var seconds = 4.0

    @Flag(help: "A first impression: 2 repetitions of 2 s.")
    var quick = false

    func validate() throws {
        guard repetitions > 0, seconds > 0, services >= 0 else {
            throw ValidationError("Repetitions and seconds must be above 0.")
        }
        try options.check(Scenario.watched)
    }

    func run() throws {
        if options.list { return options.printList(Scenario.watched) }
        guard geteuid() == 0 else { throw ValidationError("Making a network namespace needs root: use sudo.") }
        let binary = try options.binary()
        guard isExecutable(binary) else {
            throw ValidationError("No program at \(binary): build it, or give --portico.")
        }
        let sandbox = try Sandbox.enter(isolated: true)
        let peers = WatchedPortico.Watcher.allCases.map {
            WatchedPortico(binary: binary, watcher: $0, services: services, adminPort: Self.adminPort)
        }
        var runner = Runner(
            sandbox: sandbox, peers: Peers(present: peers, skipped: [:]),
            plan: Plan(
                scenarios: options.chosen(of: Scenario.watched),
                repetitions: quick ? 2 : repetitions, seconds: quick ? 2 : seconds, fairSeconds: 1, idlePairs: 1,
                maxOthers: options.maxOthers / 100, peersWereChosen: true))
        let report = runner.run()
        print(report.text)
        if let json = options.json { try write(try JSON.encode(report, pretty: true) + "\n", to: json) }
    }

    /// The last of those that ``Ports`` hands out, of which no run takes so many.
    private static let adminPort = Ports.end - 1
}
