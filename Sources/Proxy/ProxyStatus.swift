public import Services

/// How things stand after a plan was carried out.
public struct ProxyStatus: Sendable, Equatable {
    /// In the plan's order.
    public var ports: [PortStatus] = []

    public init() {}

    /// Everything that could not be done.
    public var problems: [Problem] {
        ports.flatMap { port in
            port.doors.compactMap { door in
                door.problem.map { Problem(.error, .listener, subject: "\(port.id)", $0) }
            }
        }
    }
}

public struct PortStatus: Sendable, Equatable {
    public let id: ServicePortID
    public let endpoints: [PlannedEndpoint]
    public var doors: [DoorStatus] = []
}

public struct DoorStatus: Sendable, Equatable {
    /// The address that was asked for.
    public let wanted: EndpointAddress
    /// Where clients are being served; nil if they are not.
    public let listening: EndpointAddress?
    /// Why not.
    public let problem: String?
    /// Somebody else has the address.
    public var isInUse = false

    /// Served, but on another port than was asked for.
    public var isRemapped: Bool {
        guard let listening else { return false }
        return wanted.port != 0 && listening.port != wanted.port
    }
}
