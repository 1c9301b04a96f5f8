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

    @Option(help: "A scenario, or the beginning of its name; repeatable. See --list.")
    var scenario: [String] = []

    @Option(help: "Services besides the one that is measured.")
    var services = 10_000

    @Option(help: "The Portico binary. Default: the release build beside this package.")
    var portico: String?

    @Option(help: "How often each scenario is measured.")
    var repetitions = 7

    @Option(help: "Length of one measurement.")
    var seconds = 4.0

    @Flag(help: "A first impression: 2 repetitions of 2 s.")
    var quick = false

    @Option(help: "Repeat a measurement if others used more than this share of the machine, in percent.")
    var maxOthers = 5.0

    @Option(help: ArgumentHelp("Also write the report as JSON to a file.", valueName: "file"))
    var json: String?

    @Flag(help: "List the scenarios and end.")
    var list = false

    func validate() throws {
        guard repetitions > 0, seconds > 0, services >= 0 else {
            throw ValidationError("Repetitions and seconds must be above 0.")
        }
        for wanted in scenario where !Scenario.watched.contains(where: { $0.name.hasPrefix(wanted) }) {
            throw ValidationError("No scenario is called '\(wanted)'; see --list.")
        }
    }

    func run() throws {
        if list {
            var table = TextTable(header: ["name", "what"], left: [0, 1])
            for scenario in Scenario.watched { table.add([scenario.name, scenario.title]) }
            print(table.text)
            return
        }
        guard geteuid() == 0 else { throw ValidationError("Making a network namespace needs root: use sudo.") }
        let binary = try portico ?? Templates().folder + "/../../.build/release/portico"
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
                scenarios: Scenario.watched.filter { candidate in
                    scenario.isEmpty || scenario.contains { candidate.name.hasPrefix($0) }
                },
                repetitions: quick ? 2 : repetitions, seconds: quick ? 2 : seconds, fairSeconds: 1, idlePairs: 1,
                maxOthers: maxOthers / 100, peersWereChosen: true))
        let report = runner.run()
        print(report.text)
        if let json { try write(try JSON.encode(report, pretty: true) + "\n", to: json) }
    }

    /// Above those that ``Ports`` hands out, and below those of clients.
    private static let adminPort = Ports.end - 1
}
