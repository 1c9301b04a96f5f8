public import Base

/// A `discovery.k8s.io/v1` EndpointSlice: some of the endpoints of one Service.
public struct EndpointSlice: Hashable, Sendable {
    public var metadata: ObjectMeta
    public var addressType: AddressType
    public var endpoints: [Endpoint]
    public var ports: [Port]

    public init(metadata: ObjectMeta, addressType: AddressType = .ipv4, endpoints: [Endpoint] = [], ports: [Port] = [])
    {
        self.metadata = metadata
        self.addressType = addressType
        self.endpoints = endpoints
        self.ports = ports
    }

    /// The Service it belongs to, by label; nil for a slice that belongs to none.
    public var serviceName: String? { metadata.labels[WellKnownLabel.serviceName] }

    public enum AddressType: String, Codable, Hashable, Sendable, CaseIterable {
        case ipv4 = "IPv4"
        case ipv6 = "IPv6"
        /// Host names. Proxies ignore such slices, so their endpoints are not read.
        case fqdn = "FQDN"

        public var family: IPAddress.Family? {
            switch self {
            case .ipv4: .ipv4
            case .ipv6: .ipv6
            case .fqdn: nil
            }
        }
    }

    /// A port that every endpoint of the slice offers.
    public struct Port: Hashable, Sendable {
        /// Matched against the service port's name; absent means empty, as an API server fills in.
        public var name: String
        public var transport: TransportProtocol
        /// Nil stands for "all ports", which a proxy cannot serve.
        public var port: UInt16?

        public init(name: String = "", transport: TransportProtocol = .tcp, port: UInt16?) {
            self.name = name
            self.transport = transport
            self.port = port
        }
    }

    public struct Endpoint: Hashable, Sendable {
        /// The first address, the only one that proxies use; nil for an entry without any.
        public var address: IPAddress?
        /// Nil means true.
        public var ready: Bool?
        /// Nil means true.
        public var serving: Bool?
        /// Nil means false.
        public var terminating: Bool?
        public var nodeName: String?
        public var zone: String?
        /// The pod behind it, if the slice says so.
        public var podName: String?
        /// Its name below that of a headless Service, if it was given one.
        public var hostname: String?
        /// Zones whose clients should use it; empty if there is no such hint.
        public var zoneHints: [String]
        /// Nodes whose clients should use it.
        public var nodeHints: [String]

        public init(
            address: IPAddress?, ready: Bool? = nil, serving: Bool? = nil, terminating: Bool? = nil,
            nodeName: String? = nil, zone: String? = nil, podName: String? = nil, hostname: String? = nil,
            zoneHints: [String] = [], nodeHints: [String] = []
        ) {
            self.address = address
            self.ready = ready
            self.serving = serving
            self.terminating = terminating
            self.nodeName = nodeName
            self.zone = zone
            self.podName = podName
            self.hostname = hostname
            self.zoneHints = zoneHints
            self.nodeHints = nodeHints
        }
    }
}
