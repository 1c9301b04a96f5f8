public import Base

/// One endpoint of a service port, as it is told of: where it is, and whose. What the workers share about it is an
/// ``Endpoint``.
///
/// Resolution makes one list of them for each service port, which plan, balancer and status have in common: there may
/// be hundreds of thousands of endpoints.
public struct ServiceEndpoint: Hashable, Sendable {
    public var address: EndpointAddress
    /// Whether it runs on this node.
    public var isLocal: Bool
    /// Whether nobody runs it: Portico is to play it, and its address only tells it from others.
    public var isPlayed: Bool
    /// The pod behind it, if known.
    public var podName: String?
    /// Its name below that of a headless Service, if it was given one.
    public var hostname: String?

    public init(
        address: EndpointAddress, podName: String? = nil, hostname: String? = nil, isLocal: Bool = false,
        isPlayed: Bool = false
    ) {
        self.address = address
        self.isLocal = isLocal
        self.isPlayed = isPlayed
        self.podName = podName
        self.hostname = hostname
    }
}
