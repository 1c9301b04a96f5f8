public import Base

/// A `v1` Service: a stable name and address for a changing set of pods.
public struct Service: Codable, Hashable, Sendable {
    public var metadata: ObjectMeta
    public var spec: ServiceSpec
    public var status: ServiceStatus

    public init(metadata: ObjectMeta, spec: ServiceSpec, status: ServiceStatus = ServiceStatus()) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }

    private enum CodingKeys: String, CodingKey { case metadata, spec, status }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        metadata = try container.decode(ObjectMeta.self, forKey: .metadata)
        guard ObjectName.label.admits(metadata.name) else {
            throw DecodingError.dataCorrupted(
                .init(
                    codingPath: container.codingPath + [CodingKeys.metadata, FieldName("name")],
                    debugDescription: "expected \(ObjectName.label.expectation), found \"\(metadata.name)\""))
        }
        spec = try container.decode(ServiceSpec.self, forKey: .spec)
        status = try container.decodeIfPresent(ServiceStatus.self, forKey: .status) ?? ServiceStatus()
    }
}

/// The kinds of Service. They are cumulative, and the proxy acts on the fields rather than on the type;
/// only `ExternalName`, which is a matter for DNS alone, is told apart.
public enum ServiceType: String, Codable, Hashable, Sendable, CaseIterable {
    case clusterIP = "ClusterIP"
    case nodePort = "NodePort"
    case loadBalancer = "LoadBalancer"
    case externalName = "ExternalName"
}

/// A cluster IP as written: an address, or `None` for a headless Service.
public enum ClusterIP: Codable, Hashable, Sendable {
    case none
    case address(IPAddress)

    public init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        let text = try container.decode(String.self)
        if text == "None" {
            self = .none
        } else if let address = IPAddress(text) {
            self = .address(address)
        } else {
            throw DecodingError.dataCorruptedError(
                in: container, debugDescription: "expected an IP address or None, found \"\(text)\"")
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch self {
        case .none: try container.encode("None")
        case .address(let address): try container.encode(address)
        }
    }

    public var address: IPAddress? {
        if case .address(let address) = self { address } else { nil }
    }
}

/// What the author of a Service wants.
public struct ServiceSpec: Hashable, Sendable {
    public var type: ServiceType
    public var selector: [String: String]
    public var ports: [ServicePortSpec]
    /// Empty until the API server has assigned one, and so in most hand-written manifests; the first is the primary.
    public var clusterIPs: [ClusterIP]
    /// `IPv4`, `IPv6` or both; empty means whatever the cluster IPs are.
    public var ipFamilies: [IPAddress.Family]
    /// Kept as written: a bad entry is skipped with a note and does not cost the Service.
    public var externalIPs: [String]
    /// Kept as written, for the same reason.
    public var loadBalancerSourceRanges: [String]
    public var clientIPAffinity: Bool
    /// Seconds, 1 to 86,400.
    public var affinityTimeout: Int
    public var internalTrafficPolicy: TrafficPolicy
    public var externalTrafficPolicy: TrafficPolicy
    public var healthCheckNodePort: UInt16?
    public var publishNotReadyAddresses: Bool
    /// What the name of a Service of type `ExternalName` is another name for; without a point at its end. It may be
    /// left over from another type.
    public var externalName: String?

    /// What an API server fills in.
    public static let defaultAffinityTimeout = 10_800

    public init(
        type: ServiceType = .clusterIP, selector: [String: String] = [:], ports: [ServicePortSpec] = [],
        clusterIPs: [ClusterIP] = [], ipFamilies: [IPAddress.Family] = [], externalIPs: [String] = [],
        loadBalancerSourceRanges: [String] = [], clientIPAffinity: Bool = false,
        affinityTimeout: Int = Self.defaultAffinityTimeout, internalTrafficPolicy: TrafficPolicy = .cluster,
        externalTrafficPolicy: TrafficPolicy = .cluster, healthCheckNodePort: UInt16? = nil,
        publishNotReadyAddresses: Bool = false, externalName: String? = nil
    ) {
        self.type = type
        self.selector = selector
        self.ports = ports
        self.clusterIPs = clusterIPs
        self.ipFamilies = ipFamilies
        self.externalIPs = externalIPs
        self.loadBalancerSourceRanges = loadBalancerSourceRanges
        self.clientIPAffinity = clientIPAffinity
        self.affinityTimeout = affinityTimeout
        self.internalTrafficPolicy = internalTrafficPolicy
        self.externalTrafficPolicy = externalTrafficPolicy
        self.healthCheckNodePort = healthCheckNodePort
        self.publishNotReadyAddresses = publishNotReadyAddresses
        self.externalName = externalName
    }

    public var isHeadless: Bool { clusterIPs.contains(.none) }
}

/// One port of a Service as written.
public struct ServicePortSpec: Hashable, Sendable {
    /// Empty for the single port of a Service that does not name it.
    public var name: String
    public var transport: TransportProtocol
    public var port: UInt16
    /// Read only where endpoints are computed from pods; EndpointSlices and Endpoints carry numbers.
    public var targetPort: IntOrString?
    public var nodePort: UInt16?

    public init(
        name: String = "", transport: TransportProtocol = .tcp, port: UInt16, targetPort: IntOrString? = nil,
        nodePort: UInt16? = nil
    ) {
        self.name = name
        self.transport = transport
        self.port = port
        self.targetPort = targetPort
        self.nodePort = nodePort
    }
}

/// What the cluster made of a Service.
public struct ServiceStatus: Codable, Hashable, Sendable {
    public var loadBalancer: LoadBalancerStatus

    public init(loadBalancer: LoadBalancerStatus = LoadBalancerStatus()) { self.loadBalancer = loadBalancer }

    private enum CodingKeys: String, CodingKey { case loadBalancer }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        loadBalancer =
            try container.decodeIfPresent(LoadBalancerStatus.self, forKey: .loadBalancer) ?? LoadBalancerStatus()
    }
}

/// The addresses at which a load balancer takes traffic for a Service.
public struct LoadBalancerStatus: Codable, Hashable, Sendable {
    public var ingress: [Ingress]

    public init(ingress: [Ingress] = []) { self.ingress = ingress }

    private enum CodingKeys: String, CodingKey { case ingress }

    public init(from decoder: any Decoder) throws {
        ingress = try decoder.container(keyedBy: CodingKeys.self).list(.ingress, of: Ingress.self)
    }

    public struct Ingress: Codable, Hashable, Sendable {
        /// Kept as written; absent for a load balancer known by host name only.
        public var ip: String?
        public var hostname: String?
        /// `VIP` (also when absent) or `Proxy`; later API versions may add others, which are left alone like `Proxy`.
        public var ipMode: String?

        public init(ip: String? = nil, hostname: String? = nil, ipMode: String? = nil) {
            self.ip = ip
            self.hostname = hostname
            self.ipMode = ipMode
        }
    }
}
