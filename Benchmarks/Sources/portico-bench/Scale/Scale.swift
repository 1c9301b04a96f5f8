import ArgumentParser
import Glibc
import Measure

/// `portico-bench scale`: what a change costs with few Services and with many, and what they cost at rest.
struct Scale: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures whether Portico's work is in proportion to what changed, whatever there is.",
        discussion: """
            A `portico daemon` with iptables, in a network namespace made for the run, which needs root, serves more and \
            more Services with ten endpoints each, from JSON files of 50 Services; those that are changed have a file of \
            their own. Measured are the CPU of the process and of what it starts, and the time until it says that all is in \
            force: for a changed endpoint, an added and a deleted Service in turn, and for a start. Then memory, also when \
            all Services have gone, and with the most Services a minute in which nothing happens, in files of 50 and of \
            one object each. About twelve minutes.
            """)

    @Option(help: "The Portico binary. (default: the release build of this folder)")
    var portico = ".build/release/portico"

    @Option(help: ArgumentHelp("Numbers of Services, with commas.", valueName: "list"))
    var sizes = "10,1000,10000"

    @Option(help: "How often each change is made.")
    var changes = 10

    @Option(help: "How often the program is started with each number of Services.")
    var starts = 3

    @Option(help: ArgumentHelp("How long nothing happens; 0 leaves that out.", valueName: "seconds"))
    var idle = 60.0

    @Option(help: ArgumentHelp("Also write all figures as JSON to a file.", valueName: "file"))
    var json: String?

    private var numbers: [Int] { sizes.split(separator: ",").compactMap { Int($0) } }

    func validate() throws {
        // One proxy port each, of 12,000.
        guard !numbers.isEmpty, numbers.count == sizes.split(separator: ",").count,
            numbers.allSatisfy((1...11_000).contains)
        else { throw ValidationError("--sizes takes numbers from 1 to 11000, such as 10,1000.") }
        guard changes > 0, starts > 0, idle >= 0 else { throw ValidationError("There is nothing to measure.") }
    }

    func run() throws {
        guard geteuid() == 0 else { throw ValidationError("Making a network namespace needs root: use sudo.") }
        guard isExecutable(portico) else { throw ValidationError("No program at \(portico); run `make build`.") }
        let sandbox = try Sandbox.enter(isolated: true)
        let results = try ScaleRun(
            sandbox, binary: portico, sizes: numbers, changes: changes, starts: starts, idleSeconds: idle
        ).results()
        print(results.text, terminator: "")
        if let json { try write(try JSON.encode(ScaleReport(results), pretty: true) + "\n", to: json) }
    }
}

/// The figures with what is to be said about them.
private struct ScaleReport: Encodable {
    let results: ScaleResults
    let verdicts: [ScaleVerdict]

    init(_ results: ScaleResults) {
        self.results = results
        verdicts = results.verdicts
    }
}
