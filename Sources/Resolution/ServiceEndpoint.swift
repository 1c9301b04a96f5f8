public import Base

/// One place where a service port's traffic can go.
public struct ServiceEndpoint: Hashable, Sendable {
    public var address: EndpointAddress
    /// The pod behind it, if known.
    public var podName: String?
    /// Its name below that of a headless Service, if it was given one.
    public var hostname: String?
    /// Whether it runs on this node.
    public var isLocal: Bool
    public var isReady: Bool
    /// Whether it answers, be it terminating or not.
    public var isServing: Bool
    public var isTerminating: Bool

    public init(
        address: EndpointAddress, podName: String? = nil, hostname: String? = nil,
        isLocal: Bool = false, isReady: Bool = true, isServing: Bool = true,
        isTerminating: Bool = false
    ) {
        self.address = address
        self.podName = podName
        self.hostname = hostname
        self.isLocal = isLocal
        self.isReady = isReady
        self.isServing = isServing
        self.isTerminating = isTerminating
    }

    /// Ready, or at least good enough for when nothing is ready.
    public var isUsable: Bool { isReady || (isServing && isTerminating) }
}
