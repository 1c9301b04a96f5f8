import Balancing
import Base
import Cluster
import Glibc
import Logging
import Objects
import Proxy
import Status

/// What `portico forward` does in its session: doors at the ports that were asked for, for as long as it runs, whatever
/// becomes of the pods behind them.
struct ForwardRole: SessionRole {
    enum Event: Sendable {
        /// There has been time enough for a first pod.
        case patienceIsOver
    }

    private let settings: DevelopmentProxy.Settings
    let patience: Duration
    /// When that is over.
    let deadline: ContinuousClock.Instant

    private var tools: SessionTools<Event>?
    private var proxy: DevelopmentProxy?
    private var lines: [ForwardLine]
    private(set) var exitStatus: Int32?

    init(
        _ targets: [ForwardDestination], at addresses: [IPAddress?], patience: Duration,
        until deadline: ContinuousClock.Instant
    ) {
        self.patience = patience
        self.deadline = deadline
        var settings = DevelopmentProxy.Settings()
        settings.givesAddresses = false
        settings.isOfCluster = true
        lines = targets.flatMap { target in
            target.lines.map { ForwardLine($0, of: target.request, at: addresses) }
        }
        settings.publications = lines.flatMap(\.publications)
        self.settings = settings
    }

    /// For open connections, after a signal to end.
    private static let drainLimit = Duration.seconds(2)

    var rereading: String { "SIGHUP: asking the API server for everything again" }
    var retryInterval: Duration { .seconds(5) }
    static var signals: [Int32] { SessionSignal.watched }
    static func meaning(of signal: Int32) -> SessionSignal { SessionSignal(signal) }
    func status(endedEarlyBy signal: Int32) -> Int32 { signal == SIGINT ? 0 : 128 + signal }

    // MARK: Serving

    mutating func start(_ first: SourceUpdate, _ tools: SessionTools<Event>) async throws -> Bool {
        let proxy = DevelopmentProxy(relay: tools.relay, settings: settings)
        (self.tools, self.proxy) = (tools, proxy)
        let served = await proxy.apply(first.changes)
        for index in lines.indices { lines[index].take(served) }
        try checkDoors()
        tell(served)
        tools.teller.update { $0.enter(.serving) }
        if lines.contains(where: { !$0.hasBegun }) {
            Task { [deadline] in
                try? await Task.sleep(until: deadline, clock: .continuous)
                tools.wake(.patienceIsOver)
            }
        }
        return false
    }

    /// As its counterpart does, it goes on without a port that cannot be had, and ends if none can.
    private func checkDoors() throws {
        let failed = lines.filter { $0.failure != nil }
        for line in failed {
            StandardStream.error.write("Unable to listen on port \(line.localPort): \(line.failure ?? "")\n")
        }
        guard failed.count == lines.count else { return }
        let ports = lines.map { "{\($0.localPort) \($0.remote.map(String.init) ?? "?")}" }.joined(separator: " ")
        throw CommandFailure("unable to listen on any of the requested ports: [\(ports)]")
    }

    mutating func take(_ update: SourceUpdate) async {
        guard let proxy else { return }
        let served = await proxy.apply(update.changes)
        for index in lines.indices { lines[index].take(served) }
        tell(served)
    }

    mutating func retry(isReread: Bool) async {
        guard let proxy else { return }
        let served = await proxy.retry()
        for index in lines.indices { lines[index].take(served) }
        tell(served)
    }

    mutating func take(_ event: Event) async -> Bool {
        let missing = lines.filter { !$0.hasBegun && $0.failure == nil }
        guard !missing.isEmpty else { return false }
        for line in missing {
            tools?.teller.logger.error("\(line.request) has no pod that is ready after \(patience)\(line.reason)")
        }
        guard missing.count == lines.count(where: { $0.failure == nil }) else { return false }
        StandardStream.error.write("portico: timed out waiting for the condition\n")
        exitStatus = EXIT_FAILURE
        return true
    }

    private mutating func tell(_ served: DevelopmentProxy.Served) {
        for index in lines.indices {
            for text in lines[index].takeAnnouncements() { StandardStream.output.write(text + "\n") }
            if let news = lines[index].takeNews() { tools?.teller.logger.notice("\(news)") }
        }
        tools?.teller.update { status in status.update(services: served.services) }
    }

    // MARK: The end

    mutating func endIsWanted(by signal: Int32) -> Bool { true }

    mutating func beginEnd() async -> [Duration?] {
        tools?.teller.update { $0.enter(.draining) }
        return [Self.drainLimit]
    }

    mutating func finish() async {}
}
