import ArgumentParser
import CBench
import Glibc
import Measure

@main
enum Entry {
    static func main() {
        // The other roles are no commands for people: they take one argument each and don't show in the help.
        let arguments = CommandLine.arguments
        if arguments.count == 3, let role = Role(rawValue: arguments[1]) {
            role.play(arguments[2])
        } else if arguments.count > 1, let command = Self.subcommands[arguments[1]] {
            // By hand: --portico and --json are options of the command above, too, which would take them.
            command.main(Array(arguments.dropFirst(2)))
        } else {
            PorticoBench.main()
        }
    }

    private static let subcommands: [String: any ParsableCommand.Type] = [
        "soak": Soak.self, "scale": Scale.self, "tunnels": Tunnels.self, "watched": Watched.self,
    ]
}

struct PorticoBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "portico-bench",
        abstract: "Measures Portico against its peers on this machine, in one interleaved run.",
        discussion: """
            Client, proxies and backends run in a network namespace made for the run, which needs root. Figures are \
            ratios to the path without a proxy, taken inside each repetition: absolute figures say little about \
            another machine.

            EXAMPLES
              Everything, about an hour:
                sudo portico-bench --chart result.svg

              What a change to Portico brought, both in one run or of two reports:
                sudo portico-bench --peer portico --before ./portico-before
                portico-bench --compare before.json after.json

              A first impression of some scenarios:
                sudo portico-bench --quick --scenario bulk --scenario rr-64 --peer portico --peer nginx
            """, subcommands: [Soak.self, Scale.self, Tunnels.self, Watched.self])

    @OptionGroup var options: ScenarioOptions

    @Option(help: "portico, haproxy, haproxy-splice, nginx, envoy or c-limit; repeatable. Default: all.")
    var peer: [String] = []

    @Option(help: "How often each scenario is measured.")
    var repetitions: Int = 5

    @Option(help: "Length of one measurement.")
    var seconds: Double = 1.5

    @Flag(help: "A first impression: 2 repetitions of 0.4 s (fairness: 3 s), 1000 idle pairs.")
    var quick = false

    @Option(help: "Length of a fairness run (scenarios fair-…).")
    var fairSeconds: Double = 60

    @Option(help: "An earlier Portico binary, to be measured in turn with this one: see target T16.")
    var before: String?

    @Option(help: "The Envoy binary. Default: PATH, then the one Benchmarks/run installs.")
    var envoy: String?

    @Option(help: "Idle pairs held for the memory figure, 4000 at most.")
    var idlePairs: Int?

    @Option(help: ArgumentHelp("What goes to standard output: text or json.", valueName: "format"))
    var output: OutputFormat = .text

    @Option(help: ArgumentHelp("Also draw a bar chart as SVG.", valueName: "file"))
    var chart: String?

    @Flag(help: "Use the network as it is: no root needed, but its congestion control and traffic get in.")
    var noNamespace = false

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Measure nothing, but say what changed between two JSON reports beyond the noise.",
            valueName: "old new"))
    var compare: [String] = []

    @Flag(help: "With --compare: also show what did not change.")
    var all = false

    enum OutputFormat: String, ExpressibleByArgument { case text, json }

    func validate() throws {
        guard repetitions > 0, seconds > 0, fairSeconds > 0 else {
            throw ValidationError("Repetitions and seconds must be above 0.")
        }
        guard compare.isEmpty || compare.count == 2 else {
            throw ValidationError("--compare takes two files: the old report and the new one.")
        }
        if let idlePairs, !(1...4000).contains(idlePairs) {
            throw ValidationError("Idle pairs must be from 1 to 4000: each takes two descriptors of the proxy.")
        }
        try options.check(Scenario.catalogue)
    }

    func run() throws {
        if options.list { return options.printList(Scenario.catalogue) }
        if !compare.isEmpty {
            try printComparison()
            return
        }
        if !noNamespace && geteuid() != 0 {
            throw ValidationError(
                "Making a network namespace needs root: use sudo, or --no-namespace to measure in the network as it is."
            )
        }
        // The parent outlives the run and cleans up behind it; the child does the work.
        let sandbox = try Sandbox.enter(isolated: !noNamespace)
        let peers = try Peers(wanted: peer, portico: options.portico, before: before, envoy: envoy)
        var runner = Runner(
            sandbox: sandbox, peers: peers,
            plan: Plan(
                scenarios: options.chosen(of: Scenario.catalogue), repetitions: quick ? 2 : repetitions,
                seconds: quick ? 0.4 : seconds,
                fairSeconds: quick ? 3 : fairSeconds, idlePairs: idlePairs ?? (quick ? 1000 : 4000),
                maxOthers: options.maxOthers / 100, peersWereChosen: !peer.isEmpty))
        let report = runner.run()

        switch output {
        case .text: print(report.text)
        case .json: print(try JSON.encode(report, pretty: true))
        }
        if let json = options.json { try write(try JSON.encode(report, pretty: true) + "\n", to: json) }
        if let chart { try write(Chart(report).svg, to: chart) }
    }

    private func printComparison() throws {
        let comparison = Comparison(from: try report(at: compare[0]), to: try report(at: compare[1]))
        switch output {
        case .text:
            let colours = isatty(1) == 1 && getenv("NO_COLOR") == nil
            print(comparison.text(all: all, colours: colours), terminator: "")
        case .json: print(try JSON.encode(comparison, pretty: true))
        }
    }

    private func report(at path: String) throws -> Report {
        guard let text = contents(of: path) else { throw BenchFailure("\(path): \(String(cString: strerror(errno)))") }
        guard let report = try? JSON.decode(Report.self, from: text) else {
            throw BenchFailure("\(path): this is no report of Benchmarks/run, or one of a later version")
        }
        if let format = report.format, format > Report.currentFormat {
            throw BenchFailure("\(path): has format \(format); this program reads up to \(Report.currentFormat)")
        }
        return report
    }
}
