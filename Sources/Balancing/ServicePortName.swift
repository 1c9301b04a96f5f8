/// Identifies one port of one Service: what gets a listener, a balancer and counters of its own.
public struct ServicePortName: Hashable, Sendable, Comparable {
    public let namespace: String
    public let service: String
    /// The port's name; empty for the single port of a Service that does not name it.
    public let port: String

    public init(namespace: String, service: String, port: String = "") {
        self.namespace = namespace
        self.service = service
        self.port = port
    }

    public static func < (a: ServicePortName, b: ServicePortName) -> Bool {
        (a.namespace, a.service, a.port) < (b.namespace, b.service, b.port)
    }
}

extension ServicePortName: CustomStringConvertible {
    /// `namespace/name:port`, or `namespace/name` when the port has no name: no trailing colon.
    public var description: String {
        port.isEmpty ? "\(namespace)/\(service)" : "\(namespace)/\(service):\(port)"
    }
}
