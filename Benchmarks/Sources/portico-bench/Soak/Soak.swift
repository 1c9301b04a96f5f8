import ArgumentParser
import CBench
import Glibc
import Load
import Measure

/// `portico-bench soak`: everything at once for a long time, and whether anything has grown or got lost.
struct Soak: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Loads Portico with everything at once, and judges whether anything grows or gets lost.",
        discussion: """
            Two proxies, in a network namespace made for the run, which needs root: a `portico dev` that stays, and a \
            `portico daemon` with iptables that is replaced again and again by hot restarts. Each has short and long \
            connections, bulk streams, datagrams, endpoints that die, and a neighbour with a ping-pong, while the \
            manifests change every few seconds. Judged are descriptors, memory and the ping-pong's p99, the last third \
            of the run against its second sixth to its half; of the daemon descriptors and memory of each process at \
            the same age, just before the next one takes over. Ends with 1 if anything has grown by more than 2 % \
            (in a shorter run than 30 minutes more) and more than the noise, or if any client has lost anything.
            """)

    @Option(help: "Length of the run.")
    var minutes: Double = 30

    @Option(help: "Seconds between two hot restarts. Default: a thirtieth of the run, at least 20.")
    var restartEvery: Int?

    @Option(help: "The Portico binary. (default: the release build of this folder)")
    var portico = ".build/release/portico"

    @Option(help: ArgumentHelp("Also write samples and verdicts as JSON to a file.", valueName: "file"))
    var json: String?

    static let sampleSeconds = 10

    func validate() throws {
        guard minutes >= 1 else { throw ValidationError("Less than a minute says nothing.") }
        if let restartEvery, restartEvery < 20 { throw ValidationError("Restarts are at least 20 seconds apart.") }
    }

    func run() throws {
        guard geteuid() == 0 else { throw ValidationError("Making a network namespace needs root: use sudo.") }
        guard isExecutable(portico) else { throw ValidationError("No program at \(portico); run `make build`.") }
        let sandbox = try Sandbox.enter(isolated: true)
        let report = try SoakRun(sandbox, binary: portico, minutes: minutes, restartEvery: restartEvery).report()
        print(report.text)
        if let json { try write(try JSON.encode(report, pretty: true) + "\n", to: json) }
        if !report.isGood { throw ExitCode(1) }
    }
}

/// One run of a soak.
struct SoakRun {
    private let minutes: Double
    private let restartSeconds: Int
    private let cluster: SoakCluster
    private let dev: SoakProxy
    private let daemon: SoakProxy

    init(_ sandbox: Sandbox, binary: String, minutes: Double, restartEvery: Int?) throws {
        self.minutes = minutes
        let seconds = Soak.sampleSeconds
        restartSeconds = max(20, (restartEvery ?? Int(minutes * 2)) / seconds * seconds)
        cluster = SoakCluster(folder: "\(sandbox.folder)/manifests", endpointPort: SoakBackends.echoPort)
        try cluster.addAddresses(in: sandbox.folder)
        try cluster.write()
        func numbers(_ addresses: [String]) -> [UInt32] {
            addresses.map { UInt32($0.split(separator: ".").reduce(0) { $0 << 8 | (UInt32($1) ?? 0) }) }
        }
        let backends = try SoakBackends(steady: numbers(SoakCluster.steady), dying: numbers(SoakCluster.dying))
        // Shorter than a process lives, so that no more than two processes are there at a time.
        let life = Double(restartSeconds) * 0.7

        let common = ["-f", cluster.folder, "--output", "json"]
        dev = try SoakProxy(
            "dev",
            [binary, "dev"] + common + [
                "--publish", "steady:80=127.0.0.1:2080", "--publish", "dying:80=127.0.0.1:2090",
                "--publish", "steady:53/udp=127.0.0.1:2053",
            ], in: sandbox.folder
        ) { SoakTraffic(to: .init(steady: 2080, dying: 2090, datagrams: 2053), of: backends, life: life) }
        let ports = SoakCluster.nodePorts
        daemon = try SoakProxy(
            "daemon",
            [binary, "daemon"] + common + [
                "--hostname-override", "soak", "--conntrack-max-per-core=0",
                "--takeover", "\(sandbox.folder)/takeover", "--drain-timeout", "\(restartSeconds * 2)s",
            ], in: sandbox.folder
        ) {
            SoakTraffic(
                to: .init(steady: ports.steady, dying: ports.dying, datagrams: ports.datagrams), of: backends,
                life: life)
        }
    }

    func report() throws -> SoakReport {
        var report = SoakReport(minutes: minutes, restartSeconds: restartSeconds)
        let total = minutes * 60
        let start = Clock.seconds
        var (turn, nextChange, nextSample) = (0, 3.0, Double(Soak.sampleSeconds))
        while true {
            let elapsed = Clock.seconds - start
            if elapsed >= nextChange {
                turn += 1
                nextChange += 3
                try cluster.change(turn)
            }
            if elapsed >= nextSample {
                nextSample += Double(Soak.sampleSeconds)
                let isRestartDue = Int(Clock.seconds - daemon.started + 1) >= restartSeconds
                try sample(dev, at: elapsed, isLast: true, into: &report)
                try sample(daemon, at: elapsed, isLast: isRestartDue, into: &report)
                // None so late that its process would not be judged.
                if isRestartDue, total - elapsed >= Double(restartSeconds) { try daemon.restart() }
                if elapsed >= total { break }
            }
            Clock.sleep(0.05)
        }
        for proxy in [dev, daemon] {
            proxy.traffic.stop()
            report.add(proxy.traffic.result, of: proxy.name)
        }
        report.judge()
        return report
    }

    private func sample(_ proxy: SoakProxy, at elapsed: Double, isLast: Bool, into report: inout SoakReport) throws {
        let now = try proxy.sample()
        let trips = proxy.traffic.takeRoundTrips()
        let sample = SoakReport.Sample(
            proxy: proxy.name, seconds: elapsed, process: proxy.generation, isLastOfProcess: isLast,
            descriptors: now.descriptors, memory: now.memory, formerProcesses: now.former, p50: trips?.p50,
            p99: trips?.p99)
        report.samples.append(sample)
        let lost = proxy.traffic.result.values.reduce(0) { $0 + $1.lost }
        _ = Glibc.write(2, sample.line + "\(lost) lost\n", sample.line.utf8.count + "\(lost) lost\n".utf8.count)
    }
}
