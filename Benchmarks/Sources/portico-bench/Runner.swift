import CBench
import Glibc
import Load
import Measure

/// Carries out a plan: scenario by scenario, and inside each A B C, A B C, … so that what drifts hits all alike.
struct Runner {
    let sandbox: Sandbox
    let peers: Peers
    let plan: Plan

    var ports = Ports()
    var results: Results
    var remarks: [String] = []
    var spare: Int
    /// The CPU of pinned scenarios: the last one, since interrupts like the first.
    let pinnedCPU: Int
    private var progress = Progress()

    init(sandbox: Sandbox, peers: Peers, plan: Plan) {
        self.sandbox = sandbox
        self.peers = peers
        self.plan = plan
        spare = plan.spareMeasurements
        results = Results(maxOthers: plan.maxOthers)
        var cpus = [Int32](repeating: 0, count: 1024)
        let count = Int(bench_cpus(&cpus, Int32(cpus.count)))
        pinnedCPU = count > 0 ? Int(cpus[count - 1]) : 0
        _ = Counters(path: sandbox.countersPath, create: true)
        _ = Counters(path: sandbox.secondCountersPath, create: true)
    }

    mutating func run() -> Report {
        let participants =
            [Report.Participant(name: Results.direct, title: "direct", version: "")]
            + peers.present.map { Report.Participant(name: $0.name, title: $0.title, version: $0.version) }
        var group: [Scenario] = []
        for (number, scenario) in plan.scenarios.enumerated() {
            // The scenarios of one load follow each other, and are measured together.
            group.append(scenario)
            if number + 1 < plan.scenarios.count, scenario.shares(loadOf: plan.scenarios[number + 1]) { continue }
            defer { group = [] }
            progress.begin("\(number + 1)/\(plan.scenarios.count)", scenario.title)
            do {
                switch scenario.method {
                case .throughput: try measureThroughput(scenario)
                case .idlePairs: try measureIdlePairs(scenario)
                case .start: try measureStart(scenario)
                case .question: try measureQuestion(scenario)
                case .fairness: try measureFairness(group)
                case .pause: try measurePause(scenario)
                }
            } catch {
                remarks.append("\(scenario.name): \(error)")
            }
        }
        progress.end()
        return Report(
            environment: Machine.describe(sandbox, threads: peers.threads), participants: participants,
            skipped: peers.skipped, remarks: remarks, repetitions: plan.repetitions, seconds: plan.seconds,
            results: results)
    }

    mutating func note(_ what: String) { progress.step(what) }

    // MARK: The three kinds of processes

    /// Starts the backend of a scenario and waits until it serves.
    mutating func startBackend(_ scenario: Scenario) throws -> (child: Child, port: UInt16) {
        guard let kind = BackendSpec.Kind(rawValue: scenario.backend) else {
            throw BenchFailure("no backend is called \(scenario.backend)")
        }
        return try startBackend(kind, scenario)
    }

    mutating func startBackend(_ kind: BackendSpec.Kind, _ scenario: Scenario) throws -> (child: Child, port: UInt16) {
        let port = try ports.take()
        let spec = BackendSpec(
            kind: kind, port: port, messageSize: scenario.messageSize, counters: sandbox.countersPath)
        let child = try Child(
            try Role.backend.arguments(spec), log: sandbox.folder + "/backend.log", talk: true,
            cpu: scenario.pinned ? pinnedCPU : -1, keepDescriptors: true)
        let line = child.line(timeout: 5)
        guard line == "ready" else { throw BenchFailure("the backend does not start: \(line ?? "no answer")") }
        return (child, port)
    }

    /// Starts a proxy in front of a backend and waits until it takes connections or datagrams.
    ///
    /// - Parameter other: of tunnels, the backend of a second port.
    mutating func startProxy(
        _ peer: any Peer, _ scenario: Scenario, backend: UInt16, other: UInt16? = nil
    ) throws -> Proxy {
        let port = try ports.take()
        let otherPort = scenario.method == .fairness || other != nil ? try ports.take() : nil
        let server =
            scenario.transport == .tunnel
            ? try PortForwardServer(
                at: try ports.take(), for: peer.name, targets: [backend] + (other.map { [$0] } ?? []),
                threads: peers.threads, folder: sandbox.folder) : nil
        let log = "\(sandbox.folder)/\(peer.name).log"
        let route = Route(
            transport: scenario.transport, listen: [port] + (otherPort.map { [$0] } ?? []), backend: backend,
            kubeconfig: server?.kubeconfig ?? "", folder: sandbox.folder)
        let start = Clock.seconds
        let child = try Child(try peer.command(route), log: log)
        let deadline = start + 10
        while !accepts(scenario.transport, port) {
            guard Clock.seconds < deadline, child.isRunning else {
                let words = (contents(of: log) ?? "").split(separator: "\n").last ?? "it says nothing"
                throw BenchFailure("does not listen on port \(port): \(words)")
            }
            usleep(500)
        }
        let proxy = Proxy(
            peer: peer, child: child, server: server?.child, port: port, otherPort: otherPort ?? port,
            startMilliseconds: (Clock.seconds - start) * 1000)
        // nginx's workers appear after its listeners.
        if scenario.method != .start { Clock.sleep(0.1) }
        return proxy
    }

    private func accepts(_ transport: Scenario.Transport, _ port: UInt16) -> Bool {
        // Who looks without touching leaves no half-used connection behind, which a kubectl before 1.32 never gets over.
        if transport != .tcp {
            let digits = String(port, radix: 16, uppercase: true)
            let wanted = ":" + String(repeating: "0", count: 4 - digits.count) + digits + " "
            let sockets = contents(of: transport == .udp ? "/proc/net/udp" : "/proc/net/tcp") ?? ""
            return sockets.split(separator: "\n").contains { line in
                // Listening is 0A.
                line.contains(wanted) && (transport == .udp || line.contains(" 00000000:0000 0A "))
            }
        }
        let probe = bench_tcp_connect(port, 0)
        guard probe >= 0 else { return false }
        bench_linger_zero(probe)
        close(probe)
        return true
    }

    /// Runs the load generator to its end; nil result means it never answered.
    func runLoad(_ spec: LoadSpec) throws -> LoadResult {
        let child = try startLoad(spec)
        defer { child.end() }
        return try result(of: child, timeout: spec.warmUp + spec.seconds + 8)
    }

    func startLoad(_ spec: LoadSpec) throws -> Child {
        try Child(
            try Role.load.arguments(spec), log: sandbox.folder + "/load.log", talk: true,
            keepDescriptors: true)
    }

    func result(of load: Child, timeout: Double) throws -> LoadResult {
        guard let line = load.line(timeout: timeout) else {
            let words = (contents(of: sandbox.folder + "/load.log") ?? "").split(separator: "\n").last
            throw BenchFailure(words.map(String.init) ?? "the load generator hangs")
        }
        let result = try JSON.decode(LoadResult.self, from: line)
        if let failure = result.failure { throw BenchFailure(failure) }
        return result
    }
}

/// A proxy that is up.
struct Proxy {
    let peer: any Peer
    let child: Child
    /// The API server in front of the backends, of tunnels.
    let server: Child?
    let port: UInt16
    /// Of the second service, where there is one.
    let otherPort: UInt16
    let startMilliseconds: Double

    var tree: ProcessTree { ProcessTree(root: child.pid) }

    func end() {
        child.end()
        server?.end()
    }
}
