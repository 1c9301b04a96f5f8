/// One thing to be measured, as a value: what the load does, what stands behind the proxy, which figures come out.
public struct Scenario: Sendable {
    public enum Transport: String, Codable, Sendable { case tcp, udp }

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
    /// Client, proxy and backend all on one CPU: measures the length of the path, not the scheduler's luck.
    public let pinned: Bool
    public let metrics: [Metric]

    init(
        _ name: String, _ title: String, load: String, backend: String, transport: Transport = .tcp,
        method: Method = .throughput, work: Work = .operations, connections: Int = 1, messageSize: Int = 64,
        inFlight: Int = 1, rate: Double? = nil, pinned: Bool = false, metrics: [Metric] = [.rate, .cpu]
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
        self.pinned = pinned
        self.metrics = metrics
    }
}
