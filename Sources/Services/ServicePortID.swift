/// One service port as the data plane knows it: TCP and UDP on the same number, even under the same name, are two
/// things, each with its own listeners, rotation and counters.
public struct ServicePortID: Hashable, Sendable, Comparable, CustomStringConvertible {
    public let name: ServicePortName
    public let transport: TransportProtocol

    public init(_ name: ServicePortName, _ transport: TransportProtocol) {
        self.name = name
        self.transport = transport
    }

    public static func < (a: ServicePortID, b: ServicePortID) -> Bool {
        (a.name, a.transport.rawValue) < (b.name, b.transport.rawValue)
    }

    /// As the service port's name, with `/udp` behind it where it is not TCP.
    public var description: String {
        transport == .tcp ? name.description : "\(name)/\(transport.rawValue.lowercased())"
    }
}
