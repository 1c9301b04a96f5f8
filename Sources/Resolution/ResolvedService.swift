public import Balancing
public import Base

/// What one Service comes down to on one node.
public struct ResolvedService: Sendable, Equatable {
    /// In the order of their names. Empty for a Service that is none of the proxy's business.
    public var ports: [ServicePort]
    /// What is not served as written, and why.
    public var notes: [ResolutionNote]
    /// The endpoints that the name of a headless Service stands for; nil for any other Service, and where nobody asks
    /// for them (``ResolutionContext/resolvesHeadless``).
    public var headless: [HeadlessPort]?

    public init(ports: [ServicePort] = [], notes: [ResolutionNote] = [], headless: [HeadlessPort]? = nil) {
        self.ports = ports
        self.notes = notes
        self.headless = headless
    }
}

/// A port of a Service without a cluster IP. There is nothing to proxy: the Service's name stands for the addresses of
/// its endpoints.
///
/// A Service without ports has one, with an empty name and number 0, whose endpoints have addresses that count and
/// ports that do not.
public struct HeadlessPort: Hashable, Sendable {
    public var name: String
    public var transport: TransportProtocol
    /// Those that are ready, in the order of their addresses; IPv4 first.
    public var endpoints: [ServiceEndpoint]

    public init(name: String = "", transport: TransportProtocol = .tcp, endpoints: [ServiceEndpoint] = []) {
        self.name = name
        self.transport = transport
        self.endpoints = endpoints
    }
}
