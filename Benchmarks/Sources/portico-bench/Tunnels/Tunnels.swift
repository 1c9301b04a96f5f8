import ArgumentParser
import Glibc
import Measure

/// `portico-bench tunnels`: `portico forward` against `kubectl port-forward`.
struct Tunnels: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Measures `portico forward` against `kubectl port-forward`, in one interleaved run.",
        discussion: """
            Load, tunnel, API server and backend are processes of their own, in a network namespace made for the run, which \
            needs root. The API server is Peers/port-forward-server, over plain HTTP. Every kubectl in PATH is measured, of \
            each minor version one; those before 1.31 speak SPDY by itself, later ones in a WebSocket.
            """)

    @OptionGroup var options: ScenarioOptions

    @Option(help: ArgumentHelp("A kubectl; repeatable. Default: those that are found.", valueName: "file"))
    var kubectl: [String] = []

    @Flag(help: "Only kubectl, without Portico.")
    var noPortico = false

    @Option(help: "How often each scenario is measured.")
    var repetitions = 5

    @Option(help: "Length of one measurement.")
    var seconds = 1.5

    @Option(help: ArgumentHelp("How long a reader pauses.", valueName: "seconds"))
    var pause = 60.0

    @Option(help: "Idle connections held for memory and CPU.")
    var idlePairs = 1000

    @Flag(help: "A first impression: 2 repetitions of 0.4 s, a pause of 5 s, 200 idle connections.")
    var quick = false

    func validate() throws {
        guard repetitions > 0, seconds > 0, pause > 0, (1...3000).contains(idlePairs) else {
            throw ValidationError("There is nothing to measure, or more than 3000 idle connections.")
        }
        try options.check(Scenario.tunnels)
    }

    func run() throws {
        if options.list { return options.printList(Scenario.tunnels) }
        guard geteuid() == 0 else { throw ValidationError("Making a network namespace needs root: use sudo.") }
        let sandbox = try Sandbox.enter(isolated: true)
        var runner = Runner(
            sandbox: sandbox, peers: try peers(),
            plan: Plan(
                scenarios: options.chosen(of: Scenario.tunnels),
                repetitions: quick ? 2 : repetitions, seconds: quick ? 0.4 : seconds, fairSeconds: quick ? 5 : pause,
                idlePairs: quick ? 200 : idlePairs, maxOthers: options.maxOthers / 100, peersWereChosen: true))
        let report = runner.run()
        print(report.text)
        if let json = options.json { try write(try JSON.encode(report, pretty: true) + "\n", to: json) }
    }

    private func peers() throws -> Peers {
        var present: [any Peer] = []
        var skipped: [String: String] = [:]
        let path = try options.binary()
        if noPortico {
            skipped[Results.portico] = "not wanted"
        } else if isExecutable(path) {
            present.append(PorticoForward(binary: path))
        } else {
            skipped[Results.portico] = "no program at \(path); build it, or give --portico"
        }
        let others = kubectl.isEmpty ? KubectlForward.installed() : KubectlForward.each(of: kubectl)
        present += others
        if others.isEmpty { skipped["kubectl"] = "not found (Debian: kubernetes-client), or give --kubectl" }
        return Peers(present: present, skipped: skipped)
    }
}
