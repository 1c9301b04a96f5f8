internal import Base

extension ServiceSpec: Codable {
    private enum CodingKeys: String, CodingKey {
        case type, selector, ports, clusterIP, clusterIPs, ipFamilies, externalIPs, loadBalancerSourceRanges
        case sessionAffinity, sessionAffinityConfig, internalTrafficPolicy, externalTrafficPolicy
        case healthCheckNodePort, publishNotReadyAddresses, externalName
    }

    private enum AffinityKeys: String, CodingKey { case clientIP, timeoutSeconds }

    private enum SessionAffinity: String, CaseIterable {
        case none = "None"
        case clientIP = "ClientIP"
    }

    private enum FamilyName: String, Codable, CaseIterable {
        case ipv4 = "IPv4"
        case ipv6 = "IPv6"

        init(_ family: IPAddress.Family) { self = family == .ipv4 ? .ipv4 : .ipv6 }

        // The standard library's own words would name this type.
        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            let text = try container.decode(String.self)
            guard let name = FamilyName(rawValue: text) else {
                throw DecodingError.dataCorruptedError(
                    in: container, debugDescription: "expected IPv4 or IPv6, found \"\(text)\"")
            }
            self = name
        }

        var family: IPAddress.Family { self == .ipv4 ? .ipv4 : .ipv6 }
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        self.init()
        type = try container.choice(.type, of: ServiceType.self) ?? .clusterIP
        selector = try container.textMap(.selector)
        ports = try container.list(.ports, of: ServicePortSpec.self)
        clusterIPs = try Self.clusterIPs(container)
        ipFamilies = try container.list(.ipFamilies, of: FamilyName.self).map(\.family)
        externalIPs = try container.list(.externalIPs, of: String.self)
        loadBalancerSourceRanges = try container.list(.loadBalancerSourceRanges, of: String.self)
        clientIPAffinity = try container.choice(.sessionAffinity, of: SessionAffinity.self) == .clientIP
        affinityTimeout = try Self.affinityTimeout(container) ?? Self.defaultAffinityTimeout
        internalTrafficPolicy = try container.choice(.internalTrafficPolicy, of: TrafficPolicy.self) ?? .cluster
        externalTrafficPolicy = try container.choice(.externalTrafficPolicy, of: TrafficPolicy.self) ?? .cluster
        healthCheckNodePort = try container.port(.healthCheckNodePort, zeroMeansNone: true)
        publishNotReadyAddresses = try container.flag(.publishNotReadyAddresses) ?? false
        externalName = try Self.externalName(container, type)
        try Self.checkPorts(ports, in: container)
    }

    /// `clusterIPs` where an API server wrote it, else the single `clusterIP` of older servers and of people. The empty
    /// text stands for "not assigned yet".
    private static func clusterIPs(_ container: KeyedDecodingContainer<CodingKeys>) throws -> [ClusterIP] {
        let list = try container.list(.clusterIPs, of: ClusterIP.self)
        guard list.isEmpty, let text = try container.text(.clusterIP), !text.isEmpty else { return list }
        return [try container.decode(ClusterIP.self, forKey: .clusterIP)]
    }

    /// An API server asks for it where the type does, and lets one of another type be whatever it is.
    private static func externalName(
        _ container: KeyedDecodingContainer<CodingKeys>, _ type: ServiceType
    ) throws -> String? {
        guard var text = try container.text(.externalName), !text.isEmpty else { return nil }
        if text.hasSuffix(".") { text.removeLast() }
        if type == .externalName, !ObjectName.subdomain.admits(text) {
            throw container.invalid(
                .externalName, "expected \(ObjectName.subdomain.expectation), found \"\(text)\"")
        }
        return text
    }

    private static func affinityTimeout(_ container: KeyedDecodingContainer<CodingKeys>) throws -> Int? {
        // An affinity configuration without its part for client IPs says nothing about them.
        guard container.contains(.sessionAffinityConfig), try !container.decodeNil(forKey: .sessionAffinityConfig)
        else { return nil }
        let config = try container.nestedContainer(keyedBy: AffinityKeys.self, forKey: .sessionAffinityConfig)
        guard config.contains(.clientIP), try !config.decodeNil(forKey: .clientIP) else { return nil }
        let clientIP = try config.nestedContainer(keyedBy: AffinityKeys.self, forKey: .clientIP)
        return try clientIP.number(.timeoutSeconds, in: 1...86_400)
    }

    /// What an API server checks across ports, so that a file that it would refuse does not half work here: names are
    /// what tell service ports apart.
    private static func checkPorts(
        _ ports: [ServicePortSpec], in container: KeyedDecodingContainer<CodingKeys>
    ) throws {
        guard ports.count > 1 else { return }
        var names: Set<String> = []
        var numbers: Set<String> = []
        for (index, port) in ports.enumerated() {
            func invalid(_ field: String, _ message: String) -> DecodingError {
                let path: [any CodingKey] = [CodingKeys.ports, FieldIndex(index), FieldName(field)]
                return .dataCorrupted(.init(codingPath: container.codingPath + path, debugDescription: message))
            }
            if port.name.isEmpty {
                throw invalid("name", "expected a name, since the Service has \(ports.count) ports, found nothing")
            }
            guard names.insert(port.name).inserted else {
                throw invalid("name", "expected a name that no other port has, found \"\(port.name)\"")
            }
            guard numbers.insert("\(port.transport.rawValue) \(port.port)").inserted else {
                throw invalid("port", "expected each port once per protocol, found \(port.port) again")
            }
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(type, forKey: .type)
        if !selector.isEmpty { try container.encode(selector, forKey: .selector) }
        if !ports.isEmpty { try container.encode(ports, forKey: .ports) }
        if let first = clusterIPs.first {
            try container.encode(first, forKey: .clusterIP)
            try container.encode(clusterIPs, forKey: .clusterIPs)
        }
        if !ipFamilies.isEmpty { try container.encode(ipFamilies.map(FamilyName.init), forKey: .ipFamilies) }
        if !externalIPs.isEmpty { try container.encode(externalIPs, forKey: .externalIPs) }
        if !loadBalancerSourceRanges.isEmpty {
            try container.encode(loadBalancerSourceRanges, forKey: .loadBalancerSourceRanges)
        }
        if clientIPAffinity {
            try container.encode(SessionAffinity.clientIP.rawValue, forKey: .sessionAffinity)
            var config = container.nestedContainer(keyedBy: AffinityKeys.self, forKey: .sessionAffinityConfig)
            var clientIP = config.nestedContainer(keyedBy: AffinityKeys.self, forKey: .clientIP)
            try clientIP.encode(affinityTimeout, forKey: .timeoutSeconds)
        }
        try container.encode(internalTrafficPolicy, forKey: .internalTrafficPolicy)
        try container.encode(externalTrafficPolicy, forKey: .externalTrafficPolicy)
        try container.encodeIfPresent(healthCheckNodePort, forKey: .healthCheckNodePort)
        if publishNotReadyAddresses { try container.encode(true, forKey: .publishNotReadyAddresses) }
        try container.encodeIfPresent(externalName, forKey: .externalName)
    }
}

extension ServicePortSpec: Codable {
    private enum CodingKeys: String, CodingKey {
        case name, port, targetPort, nodePort
        case transport = "protocol"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.name(.name, .label) ?? ""
        transport = try container.choice(.transport, of: TransportProtocol.self) ?? .tcp
        port = try container.requiredPort(.port)
        // Zero and the empty text are how some generators write "the same as port", and an API server takes them so.
        if (try? container.decodeIfPresent(Int.self, forKey: .targetPort)) == 0
            || (try? container.decodeIfPresent(String.self, forKey: .targetPort)) == ""
        {
            targetPort = nil
        } else {
            targetPort = try container.decodeIfPresent(IntOrString.self, forKey: .targetPort)
        }
        nodePort = try container.port(.nodePort, zeroMeansNone: true)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        if !name.isEmpty { try container.encode(name, forKey: .name) }
        try container.encode(transport, forKey: .transport)
        try container.encode(port, forKey: .port)
        try container.encodeIfPresent(targetPort, forKey: .targetPort)
        try container.encodeIfPresent(nodePort, forKey: .nodePort)
    }
}
