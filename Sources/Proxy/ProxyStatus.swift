internal import Balancing
public import Base
public import Status

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
