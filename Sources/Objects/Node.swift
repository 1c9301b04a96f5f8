public import Base

/// A `v1` Node: read for the zone of the node that the proxy runs on, its addresses and its pod ranges.
public struct Node: Codable, Hashable, Sendable {
    public var metadata: ObjectMeta
    public var spec: NodeSpec
    public var status: NodeStatus

    public init(metadata: ObjectMeta, spec: NodeSpec = NodeSpec(), status: NodeStatus = NodeStatus()) {
        self.metadata = metadata
        self.spec = spec
        self.status = status
    }

    private enum CodingKeys: String, CodingKey { case metadata, spec, status }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        metadata = try container.decode(ObjectMeta.self, forKey: .metadata)
        spec = try container.decodeIfPresent(NodeSpec.self, forKey: .spec) ?? NodeSpec()
        status = try container.decodeIfPresent(NodeStatus.self, forKey: .status) ?? NodeStatus()
    }

    /// From its label; nil if it has none or an empty one.
    public var zone: String? {
        metadata.labels[WellKnownLabel.zone].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// InternalIP addresses before ExternalIP ones, each in the order of the object.
    public var addresses: [IPAddress] {
        let kinds = ["InternalIP", "ExternalIP"]
        return kinds.flatMap { kind in
            status.addresses.compactMap { $0.type == kind ? IPAddress($0.address) : nil }
        }
    }
}

public struct NodeSpec: Codable, Hashable, Sendable {
    public var podCIDRs: [String]
    public var taints: [Taint]

    public init(podCIDRs: [String] = [], taints: [Taint] = []) {
        self.podCIDRs = podCIDRs
        self.taints = taints
    }

    private enum CodingKeys: String, CodingKey { case podCIDRs, taints }

    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        podCIDRs = try container.list(.podCIDRs, of: String.self)
        taints = try container.list(.taints, of: Taint.self)
    }

    /// Something that keeps pods, or traffic, away from a node. What it does is left to those who know its key.
    public struct Taint: Codable, Hashable, Sendable {
        public var key: String

        public init(key: String) { self.key = key }
    }
}

public struct NodeStatus: Codable, Hashable, Sendable {
    public var addresses: [Address]

    public init(addresses: [Address] = []) { self.addresses = addresses }

    private enum CodingKeys: String, CodingKey { case addresses }

    public init(from decoder: any Decoder) throws {
        addresses = try decoder.container(keyedBy: CodingKeys.self).list(.addresses, of: Address.self)
    }

    public struct Address: Codable, Hashable, Sendable {
        /// `InternalIP`, `ExternalIP`, `Hostname`, …
        public var type: String
        /// An IP address or a name, by type.
        public var address: String

        public init(type: String, address: String) {
            self.type = type
            self.address = address
        }
    }
}
