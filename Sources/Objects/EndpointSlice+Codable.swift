internal import Base

extension EndpointSlice: Codable {
    private enum CodingKeys: String, CodingKey { case metadata, addressType, endpoints, ports }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        metadata = try container.decode(ObjectMeta.self, forKey: .metadata)
        guard let addressType = try container.choice(.addressType, of: AddressType.self) else {
            throw container.missing(.addressType, expected: "IPv4, IPv6 or FQDN")
        }
        self.addressType = addressType
        ports = try container.list(.ports, of: Port.self)
        // Host names are nothing a proxy could use, and would be wrong where addresses are expected.
        endpoints = addressType == .fqdn ? [] : try container.list(.endpoints, of: Endpoint.self)
        // An endpoint cannot see the address type of its slice while it is read, so the family is checked here.
        for (index, endpoint) in endpoints.enumerated() {
            guard let address = endpoint.address, address.family != addressType.family else { continue }
            throw wrongFamily(address, at: index, in: container)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(metadata, forKey: .metadata)
        try container.encode(addressType, forKey: .addressType)
        try container.encode(endpoints, forKey: .endpoints)
        try container.encode(ports, forKey: .ports)
    }

    private func wrongFamily(
        _ address: IPAddress, at index: Int, in container: KeyedDecodingContainer<CodingKeys>
    ) -> DecodingError {
        let path: [any CodingKey] = [CodingKeys.endpoints, FieldIndex(index), FieldName("addresses"), FieldIndex(0)]
        return .dataCorrupted(
            .init(
                codingPath: container.codingPath + path,
                debugDescription: "expected an \(addressType.rawValue) address, found \"\(address)\""))
    }
}

extension EndpointSlice.Port: Codable {
    private enum CodingKeys: String, CodingKey {
        case name, port
        case transport = "protocol"
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        name = try container.name(.name, .label) ?? ""
        transport = try container.choice(.transport, of: TransportProtocol.self) ?? .tcp
        port = try container.port(.port, zeroMeansNone: true)
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(name, forKey: .name)
        try container.encode(transport, forKey: .transport)
        try container.encodeIfPresent(port, forKey: .port)
    }
}

extension EndpointSlice.Endpoint: Codable {
    private enum CodingKeys: String, CodingKey {
        case addresses, conditions, hostname, nodeName, zone, targetRef, hints
    }
    private enum ConditionKeys: String, CodingKey { case ready, serving, terminating }
    private enum HintKeys: String, CodingKey { case forZones, forNodes }

    private struct Hint: Codable {
        var name: String
    }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        address = try container.decodeIfPresent(FirstAddress.self, forKey: .addresses)?.address
        hostname = try container.name(.hostname, .label)
        nodeName = try container.text(.nodeName)
        zone = try container.text(.zone)
        podName = try container.decodeIfPresent(TargetReference.self, forKey: .targetRef)?.podName
        zoneHints = []
        nodeHints = []
        if container.contains(.conditions), try !container.decodeNil(forKey: .conditions) {
            let conditions = try container.nestedContainer(keyedBy: ConditionKeys.self, forKey: .conditions)
            ready = try conditions.flag(.ready)
            serving = try conditions.flag(.serving)
            terminating = try conditions.flag(.terminating)
        }
        if container.contains(.hints), try !container.decodeNil(forKey: .hints) {
            let hints = try container.nestedContainer(keyedBy: HintKeys.self, forKey: .hints)
            zoneHints = try hints.list(.forZones, of: Hint.self).map(\.name)
            nodeHints = try hints.list(.forNodes, of: Hint.self).map(\.name)
        }
    }

    public func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode([address].compactMap { $0 }, forKey: .addresses)
        var conditions = container.nestedContainer(keyedBy: ConditionKeys.self, forKey: .conditions)
        try conditions.encodeIfPresent(ready, forKey: .ready)
        try conditions.encodeIfPresent(serving, forKey: .serving)
        try conditions.encodeIfPresent(terminating, forKey: .terminating)
        try container.encodeIfPresent(hostname, forKey: .hostname)
        try container.encodeIfPresent(nodeName, forKey: .nodeName)
        try container.encodeIfPresent(zone, forKey: .zone)
        if let podName { try container.encode(TargetReference(kind: "Pod", name: podName), forKey: .targetRef) }
        if !zoneHints.isEmpty || !nodeHints.isEmpty {
            var hints = container.nestedContainer(keyedBy: HintKeys.self, forKey: .hints)
            if !zoneHints.isEmpty { try hints.encode(zoneHints.map { Hint(name: $0) }, forKey: .forZones) }
            if !nodeHints.isEmpty { try hints.encode(nodeHints.map { Hint(name: $0) }, forKey: .forNodes) }
        }
    }

    /// The first of a list of addresses. The others are never used, so they are not even read.
    private struct FirstAddress: Decodable {
        var address: IPAddress?

        init(from decoder: any Decoder) throws {
            var list = try decoder.unkeyedContainer()
            if !list.isAtEnd { address = try list.decode(IPAddress.self) }
        }
    }
}

/// What an address stands for; only pods matter here.
struct TargetReference: Codable, Hashable, Sendable {
    var kind: String?
    var name: String?

    /// API servers take any text here. What can be no pod's name is none.
    var podName: String? {
        guard kind == "Pod" || kind == nil, let name, ObjectName.subdomain.admits(name) else { return nil }
        return name
    }
}
