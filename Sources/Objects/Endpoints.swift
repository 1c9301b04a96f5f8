public import Base

/// A `v1` Endpoints object: the older form of EndpointSlices, one object per Service, with the Service's name.
public struct Endpoints: Codable, Hashable, Sendable {
    public var metadata: ObjectMeta
    public var subsets: [Subset]

    public init(metadata: ObjectMeta, subsets: [Subset] = []) {
        self.metadata = metadata
        self.subsets = subsets
    }

    private enum CodingKeys: String, CodingKey { case metadata, subsets }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        metadata = try container.decode(ObjectMeta.self, forKey: .metadata)
        subsets = try container.list(.subsets, of: Subset.self)
    }

    /// Every address of a subset offers every port of it.
    public struct Subset: Codable, Hashable, Sendable {
        public var addresses: [Address]
        public var notReadyAddresses: [Address]
        public var ports: [Port]

        public init(addresses: [Address] = [], notReadyAddresses: [Address] = [], ports: [Port] = []) {
            self.addresses = addresses
            self.notReadyAddresses = notReadyAddresses
            self.ports = ports
        }

        private enum CodingKeys: String, CodingKey { case addresses, notReadyAddresses, ports }

        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            addresses = try container.list(.addresses, of: Address.self)
            notReadyAddresses = try container.list(.notReadyAddresses, of: Address.self)
            ports = try container.list(.ports, of: Port.self)
        }
    }

    public struct Address: Codable, Hashable, Sendable {
        public var ip: IPAddress
        public var nodeName: String?
        /// The pod behind it, if the object says so.
        public var podName: String?
        /// Its name below that of a headless Service, if it was given one.
        public var hostname: String?

        public init(ip: IPAddress, nodeName: String? = nil, podName: String? = nil, hostname: String? = nil) {
            self.ip = ip
            self.nodeName = nodeName
            self.podName = podName
            self.hostname = hostname
        }

        private enum CodingKeys: String, CodingKey { case ip, hostname, nodeName, targetRef }

        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            guard let ip = try container.decodeIfPresent(IPAddress.self, forKey: .ip) else {
                throw container.missing(.ip, expected: "an IP address")
            }
            self.ip = ip
            hostname = try container.name(.hostname, .label)
            nodeName = try container.text(.nodeName)
            podName = try container.decodeIfPresent(TargetReference.self, forKey: .targetRef)?.podName
        }

        public func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(ip, forKey: .ip)
            try container.encodeIfPresent(hostname, forKey: .hostname)
            try container.encodeIfPresent(nodeName, forKey: .nodeName)
            if let podName { try container.encode(TargetReference(kind: "Pod", name: podName), forKey: .targetRef) }
        }
    }

    public struct Port: Codable, Hashable, Sendable {
        /// Matched against the service port's name; the empty name matches the empty name.
        public var name: String
        /// Not compared with the service port's: the userspace mode did not, and hand-written objects often leave it
        /// out even for UDP.
        public var transport: TransportProtocol
        public var port: UInt16

        public init(name: String = "", transport: TransportProtocol = .tcp, port: UInt16) {
            self.name = name
            self.transport = transport
            self.port = port
        }

        private enum CodingKeys: String, CodingKey {
            case name, port
            case transport = "protocol"
        }

        public init(from decoder: any Decoder) throws {
            let container = try decoder.container(keyedBy: CodingKeys.self)
            name = try container.name(.name, .label) ?? ""
            transport = try container.choice(.transport, of: TransportProtocol.self) ?? .tcp
            port = try container.requiredPort(.port)
        }
    }
}
