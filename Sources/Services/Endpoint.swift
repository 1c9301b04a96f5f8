public import Synchronization

/// What the workers share about one endpoint of one service port: an address, and how it has been doing.
///
/// Lives as long as some plan or connection refers to it, and is carried over when a service's endpoints change, so that
/// an endpoint that just failed is not forgotten by an unrelated update. Any thread.
public final class Endpoint: Sendable {
    public let address: EndpointAddress
    /// The pod behind it, for people; empty if unknown.
    public let podName: String
    /// Where to connect in place of `address`: a stand-in on this machine, or nil.
    public let standIn: EndpointAddress?

    /// Connections being dialled or open through this endpoint now.
    public let open = Atomic<Int>(0)
    /// Until when (milliseconds of the loops' clock) this endpoint is passed over; 0 if it never failed.
    private let penaltyUntil = Atomic<UInt64>(0)

    public init(_ address: EndpointAddress, podName: String = "", standIn: EndpointAddress? = nil) {
        self.address = address
        self.podName = podName
        self.standIn = standIn
    }

    /// Where connections to this endpoint really go.
    public var dialAddress: EndpointAddress { standIn ?? address }

    /// Passes the endpoint over until `time`, as far as others are there to take its place.
    public func penalise(until time: UInt64) {
        penaltyUntil.store(time, ordering: .relaxed)
    }

    /// It works: use it again at once.
    public func pardon() {
        // Read first: a store would take the cache line from the other workers on every connection.
        if penaltyUntil.load(ordering: .relaxed) != 0 { penaltyUntil.store(0, ordering: .relaxed) }
    }

    public func isPenalised(at now: UInt64) -> Bool {
        penaltyUntil.load(ordering: .relaxed) > now
    }
}
