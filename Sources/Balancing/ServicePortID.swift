public import Base

/// One service port as the data plane knows it: TCP and UDP on the same number, even under the same name, are two
/// things, each with its own listeners, rotation and counters. So are its lists of endpoints, where it has several.
public struct ServicePortID: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let name: ServicePortName
    public let transport: TransportProtocol
    public let list: EndpointList

    public init(_ name: ServicePortName, _ transport: TransportProtocol, _ list: EndpointList = EndpointList()) {
        self.name = name
        self.transport = transport
        self.list = list
    }

    public static func < (a: ServicePortID, b: ServicePortID) -> Bool {
        (a.name, a.transport.rawValue, a.list) < (b.name, b.transport.rawValue, b.list)
    }

    /// As the service port's name, with `/udp` behind it where it is not TCP. The list is left out: clients know of
    /// none.
    public var description: String {
        transport == .tcp ? name.description : "\(name)/\(transport.rawValue.lowercased())"
    }
}

/// Which of a service port's endpoints a client is balanced over: that follows from the family it came over, and from
/// the traffic policy for where it came from.
public struct EndpointList: Hashable, Sendable, Comparable {
    public let family: IPAddress.Family
    public let policy: TrafficPolicy

    public init(_ family: IPAddress.Family = .ipv4, _ policy: TrafficPolicy = .cluster) {
        self.family = family
        self.policy = policy
    }

    public static func < (a: EndpointList, b: EndpointList) -> Bool {
        (a.family.rawValue, a.policy.rawValue) < (b.family.rawValue, b.policy.rawValue)
    }
}
