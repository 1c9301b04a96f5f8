/// What the load generator is told to do. Travels as one JSON argument to the process that plays the role.
public struct LoadSpec: Codable, Sendable {
    public enum Kind: String, Codable, Sendable {
        case bulkUp, bulkDown, echo, roundTrips, shortConnections, idlePairs, halfClose
        case datagramRoundTrips, datagramsOneWay
        /// Small operations beside the load of another process; see `neighbours`.
        case neighbours
        /// Streams down, and after a while one reader of another port that takes nothing for long; see `pausedReader`.
        case pausedReader
    }

    public var kind: Kind
    public var port: UInt16
    /// TCP connections, or UDP flows.
    public var connections: Int
    /// Bytes per message; the size of a read or write for bulk.
    public var messageSize: Int
    /// Datagrams a flow has under way at a time.
    public var inFlight: Int
    /// Datagrams a second that the sender is held to; nil sends as fast as it can.
    public var rate: Double?
    public var warmUp: Double
    public var seconds: Double
    /// The CPU every thread of the load is pinned to, or -1.
    public var cpu: Int
    /// Path of the file with the shared counters.
    public var counters: String
    /// The proxy's processes: their CPU time in the window is the result's `proxyCPU`.
    public var proxy: [Int32]
    /// Processes that belong to the measurement but aren't the proxy.
    public var helpers: [Int32]
    public var neighbours: [NeighbourSpec] = []
    /// Ends the window as soon as so many operations have come to an end, failures among them.
    public var total: Int?
    /// Of the reader that pauses, and for how many seconds it does.
    public var otherPort: UInt16 = 0
    public var pause: Double = 0
    /// The API server on the way, if there is one.
    public var server: Int32?

    public init(
        kind: Kind, port: UInt16, connections: Int = 1, messageSize: Int = 64, inFlight: Int = 1, rate: Double? = nil,
        warmUp: Double = 0.3, seconds: Double = 1, cpu: Int = -1, counters: String, proxy: [Int32] = [],
        helpers: [Int32] = []
    ) {
        self.kind = kind
        self.port = port
        self.connections = connections
        self.messageSize = messageSize
        self.inFlight = inFlight
        self.rate = rate
        self.warmUp = warmUp
        self.seconds = seconds
        self.cpu = cpu
        self.counters = counters
        self.proxy = proxy
        self.helpers = helpers
    }
}

/// What the load generator answers: one line of JSON on standard output.
public struct LoadResult: Codable, Sendable {
    /// Length of the window in seconds, as the clock saw it.
    public var seconds: Double = 0
    /// Messages, round trips or connections finished in the window.
    public var operations: UInt64 = 0
    /// Payload bytes that arrived in the window.
    public var bytes: UInt64 = 0
    /// Operations that failed in the window.
    public var errors: UInt64 = 0
    /// Nanoseconds.
    public var p50: UInt64?
    public var p99: UInt64?
    /// Datagrams sent and delivered over the whole run, counted after the last had time to arrive.
    public var sent: UInt64?
    public var delivered: UInt64?
    /// User and system seconds the proxy used in the window.
    public var proxyCPU: Double = 0
    /// The same of the API server on the way.
    public var serverCPU: Double?
    /// Share of the machine that others used in the window, 0…1.
    public var othersShare: Double = 0
    /// What a yes-or-no scenario found.
    public var works: Bool?
    /// The rate in the window over the rate before it.
    public var kept: Double?
    public var neighbours: [NeighbourResult]?
    /// Why the run has no figures.
    public var failure: String?

    public init() {}
}

/// What the backend is told to be.
public struct BackendSpec: Codable, Sendable {
    public enum Kind: String, Codable, Sendable {
        /// Reads and forgets; a thread per connection.
        case sink
        /// Writes for as long as it is read; a thread per connection.
        case source
        /// Sends back what comes, as it comes; a thread per connection.
        case echo
        /// Answers every complete message with one of the same size; one thread for all connections.
        case respond
        /// Reads to the end of the stream, and only then answers.
        case answerAfterEnd
        /// Reads and forgets, but sends back what begins with a single byte; a thread per connection.
        case sinkAndEcho
        case datagramEcho, datagramSink
        /// Forgets datagrams of the message size and sends smaller ones back.
        case datagramSinkAndEcho
    }

    public var kind: Kind
    public var port: UInt16
    public var messageSize: Int
    public var counters: String

    public init(kind: Kind, port: UInt16, messageSize: Int, counters: String) {
        self.kind = kind
        self.port = port
        self.messageSize = messageSize
        self.counters = counters
    }
}
