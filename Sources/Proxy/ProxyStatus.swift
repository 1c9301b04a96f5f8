public import Balancing
public import Base

/// How things stand after a plan was carried out.
public struct ProxyStatus: Sendable, Equatable {
    /// In the plan's order.
    public var ports: [PortStatus] = []
    /// Files that the process may have open.
    public var descriptorLimit = 0

    public init() {}

    /// Everything that could not be done. What lacks descriptors is one problem: there may be thousands of it.
    public var problems: [Problem] {
        var problems = ports.flatMap { port in
            port.doors.compactMap { door in
                door.lacksDescriptors
                    ? nil : door.problem.map { Problem(.error, .listener, subject: "\(port.id)", $0) }
            }
        }
        // Each has a list of endpoints for each family, with doors of its own.
        var seen: Set<ServicePortID> = []
        let refused = ports.filter { $0.doors.contains(where: \.lacksDescriptors) }
            .filter { seen.insert(ServicePortID($0.id.name, $0.id.transport)).inserted }
        if let first = refused.first {
            let others = refused.count > 1 ? " and \(refused.count - 1) more service ports" : ""
            problems.append(
                Problem(
                    .error, .resources, subject: "\(first.id)\(others)",
                    "not served at every address, because the limit of \(descriptorLimit) open files has no room for more "
                        + "listening sockets; raise it (LimitNOFILE=, ulimit -n)"))
        }
        return problems
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
    /// There is no room for more listening sockets.
    public var lacksDescriptors = false

    /// Served, but on another port than was asked for.
    public var isRemapped: Bool {
        guard let listening else { return false }
        return wanted.port != 0 && listening.port != wanted.port
    }
}
