/// One thing to be measured, as a value: what the load does, what stands behind the proxy, which figures come out.
public struct Scenario: Sendable {
    public enum Transport: String, Codable, Sendable {
        case tcp, udp
        /// TCP, by port-forwards through an API server.
        case tunnel
    }

    /// How it is run.
    public enum Method: Sendable {
        /// A load for a few seconds against a running proxy, again and again.
        case throughput
        /// Idle pairs held while the proxy's memory and descriptors are counted.
        case idlePairs
        /// The proxy started anew, timed until it accepts.
        case start
        /// A yes-or-no question.
        case question
        /// A load for a minute, and small neighbours that find out what it does to them.
        case fairness
        /// Streams, and beside them a reader that takes nothing for a while.
        case pause
    }

    /// Whose figures a fairness scenario shows. Those of one load are measured together.
    public enum Watched: Sendable {
        /// The load itself.
        case load
        /// One byte there and back through the load's own service, and through another service of the same proxy.
        case sameService, otherService
        /// A new connection and the first byte on it, through the load's own service.
        case newConnection
    }

    /// The names of the load's and backend's kinds, as their specifications spell them.
    public let load: String
    public let backend: String

    public let name: String
    public let title: String
    public let transport: Transport
    public let method: Method
    public let work: Work
    public let connections: Int
    public let messageSize: Int
    public let inFlight: Int
    public let rate: Double?
    /// How many operations there are, where it is no matter of time.
    public let total: Int?
    /// Client, proxy and backend all on one CPU: measures the length of the path, not the scheduler's luck.
    public let pinned: Bool
    public let metrics: [Metric]
    public let watched: Watched?
    /// Connections whose small messages are a load of their own, besides the bulk.
    public let pingPongs: Int
    /// The peers that take part unless others are asked for; nil: all.
    public let rivals: [String]?

    init(
        _ name: String, _ title: String, load: String, backend: String, transport: Transport = .tcp,
        method: Method = .throughput, work: Work = .operations, connections: Int = 1, messageSize: Int = 64,
        inFlight: Int = 1, rate: Double? = nil, total: Int? = nil, pinned: Bool = false,
        metrics: [Metric] = [.rate, .cpu],
        watched: Watched? = nil, pingPongs: Int = 0, rivals: [String]? = nil
    ) {
        self.name = name
        self.title = title
        self.load = load
        self.backend = backend
        self.transport = transport
        self.method = method
        self.work = work
        self.connections = connections
        self.messageSize = messageSize
        self.inFlight = inFlight
        self.rate = rate
        self.total = total
        self.pinned = pinned
        self.metrics = metrics
        self.watched = watched
        self.pingPongs = pingPongs
        self.rivals = rivals
    }

    /// Whether both are figures of the same run under the same load.
    public func shares(loadOf other: Scenario) -> Bool {
        method == .fairness && other.method == .fairness && load == other.load && connections == other.connections
            && pingPongs == other.pingPongs
    }
}
