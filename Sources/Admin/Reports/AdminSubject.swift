internal import Base
public import KubernetesAPI
public import Relay
public import Status

/// What is shown of a process: where its parts can be read, each by itself and at any time.
public struct AdminSubject: Sendable {
    /// As in `portico daemon`.
    public var command: String
    public var version: String
    /// The node's name; nil where there is none.
    public var node: String?
    /// How traffic is carried, in kube-proxy's words.
    public var mode = "userspace"
    public var board: StatusBoard
    /// Nanoseconds since 1970.
    let startedAt = HealthClock.system.wallNanoseconds()
    public let seat = AdminSeat()
    /// Which service ports have metrics of their own.
    public var services = MetricServices.used
    /// Nil where nothing has to be brought in force by rules.
    public var sync: SyncMeter?
    /// Nil without an API server.
    public var cluster: Cluster?
    /// The configuration as JSON, as kube-proxy's `/configz`.
    public var configuration: (@Sendable () -> String)?
    public var verbosity: Verbosity?
    public let events = RecentEvents()
    /// Makes what is long.
    let writer = ReportWriter()

    public struct Cluster: Sendable {
        public var meter: APIMeter
        /// `host:port`.
        public var server: String

        public init(meter: APIMeter, server: String) {
            self.meter = meter
            self.server = server
        }
    }

    /// How much is logged, which can be changed while it runs.
    public struct Verbosity: Sendable {
        public var read: @Sendable () -> Int
        public var write: @Sendable (Int) -> Void

        public init(read: @escaping @Sendable () -> Int, write: @escaping @Sendable (Int) -> Void) {
            self.read = read
            self.write = write
        }
    }

    public init(command: String, version: String, board: StatusBoard) {
        self.command = command
        self.version = version
        self.board = board
    }

    /// All metrics. Counters are read where they stand, so no worker notices.
    ///
    /// - Parameters:
    ///   - ports: the service ports of the scrape before.
    ///   - size: of the scrape before, in bytes.
    func metrics(_ format: MetricText.Format, _ ports: inout ServicePortMetrics, size: Int = 0) -> [UInt8] {
        var text = MetricText(format, size: size)
        text.family("portico_build_info", .gauge, "1, with the version.") {
            $0.add(1, MetricLabels(["version": version, "mode": mode]))
        }
        let (phase, served, problems) = board.read { status in
            (status.phase, status.served, Problem.Severity.allCases.map { ($0, status.problemCount($0)) })
        }
        text.value("portico_services", .gauge, "Services with a port to serve.", served.all)
        text.value("portico_services_served", .gauge, "Those of them with endpoints.", served.served)
        text.family(
            "portico_problems", .gauge, "Things that are not as they were asked for; /status has them."
        ) { family in
            for (severity, count) in problems { family.add(count, MetricLabels(["severity": severity.rawValue])) }
        }
        text.family("portico_phase", .gauge, "1 for what it is doing.") { family in
            for (name, value) in [("starting", Status.Phase.starting), ("serving", .serving), ("draining", .draining)] {
                family.add(phase == value ? 1 : 0, MetricLabels(["phase": name]))
            }
        }
        let relay = seat.relay
        let snapshot = relay?.snapshot() ?? RelaySnapshot()
        if let relay { RelayMetrics(snapshot: snapshot, budget: relay.budget).write(to: &text) }
        if let sync { SyncMetrics(state: sync.current).write(to: &text) }
        if let cluster { ClusterMetrics(meter: cluster.meter, server: cluster.server).write(to: &text) }
        if let probes = seat.probes {
            for (probe, name) in [(ProxyHealth.Probe.healthz, "healthz"), (.livez, "livez")] {
                text.family("kubeproxy_proxy_\(name)", .counter, "Answers to /\(name), by status.") { family in
                    for (status, count) in probes(probe).sorted(by: { $0.key < $1.key }) {
                        family.add(count, MetricLabels(["code": "\(status)"]))
                    }
                }
            }
        }
        ProcessMetrics.write(to: &text)
        ports.take(snapshot, services)
        ports.write(to: &text)
        text.finish()
        return text.bytes
    }
}

/// Parts of a process that come later than the first who may ask. Any thread.
public final class AdminSeat: Sendable {
    public typealias Probes = @Sendable (ProxyHealth.Probe) -> [Int: Int]

    private let parts = Guarded<(relay: Relay?, probes: Probes?)>((nil, nil))

    /// Nil until there is something to serve.
    public var relay: Relay? {
        get { parts.withLock { $0.relay } }
        set { parts.withLock { $0.relay = newValue } }
    }

    /// How often each probe was answered with each status; nil where nobody asks about health.
    public var probes: Probes? {
        get { parts.withLock { $0.probes } }
        set { parts.withLock { $0.probes = newValue } }
    }
}
