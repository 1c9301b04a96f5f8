public import Balancing
public import Base

/// What is wanted of the data plane, complete: service ports that are not in it are to go. Made by a planner (one for the
/// development proxy, one for the node) and carried out by the ``Reconciler``.
public struct Plan: Sendable, Equatable {
    public var ports: [PlannedPort]
    /// What was done differently from what was asked, and is all right so, in words for people.
    public var notes: [String]
    /// What is left out, and should not be.
    public var problems: [Problem]

    public init(ports: [PlannedPort] = [], notes: [String] = [], problems: [Problem] = []) {
        self.ports = ports
        self.notes = notes
        self.problems = problems
    }
}

extension Plan {
    /// The doors of this plan that `isIncluded`.
    func only(_ isIncluded: (ServicePortID, PlannedDoor) -> Bool) -> Plan {
        var plan = self
        for index in plan.ports.indices {
            let id = plan.ports[index].id
            plan.ports[index].doors.removeAll { !isIncluded(id, $0) }
        }
        return plan
    }

    /// This plan, with what `previous` has beyond it: for as long as clients are still led to old doors. An old door gives way
    /// to a new one at its address.
    func keeping(_ previous: Plan) -> Plan {
        struct Place: Hashable {
            let transport: TransportProtocol
            let address: EndpointAddress
        }
        var places: Set<Place> = []
        for port in ports {
            for door in port.doors { places.insert(Place(transport: port.id.transport, address: door.address)) }
        }
        var plan = self
        let indices = Dictionary(uniqueKeysWithValues: ports.enumerated().map { ($1.id, $0) })
        for old in previous.ports {
            let rest = old.doors.filter { !places.contains(Place(transport: old.id.transport, address: $0.address)) }
            guard !rest.isEmpty else { continue }
            if let index = indices[old.id] {
                plan.ports[index].doors += rest
            } else {
                plan.ports.append(PlannedPort(id: old.id, endpoints: old.endpoints, doors: rest, policy: old.policy))
            }
        }
        return plan
    }
}

/// One service port: who serves it, and where clients reach it.
public struct PlannedPort: Sendable, Equatable {
    public let id: ServicePortID
    public let endpoints: [PlannedEndpoint]
    public internal(set) var doors: [PlannedDoor]
    /// How its clients are treated.
    public let policy: ServicePolicy

    public init(
        id: ServicePortID, endpoints: [PlannedEndpoint], doors: [PlannedDoor], policy: ServicePolicy = ServicePolicy()
    ) {
        self.id = id
        self.endpoints = endpoints
        self.doors = doors
        self.policy = policy
    }
}

public struct PlannedEndpoint: Sendable, Hashable {
    public let address: EndpointAddress
    public let podName: String
    /// Where to connect in place of `address`, if something stands in for the pod on this machine.
    public let standIn: EndpointAddress?
    /// It is on this machine.
    public let isLocal: Bool

    public init(
        address: EndpointAddress, podName: String = "", standIn: EndpointAddress? = nil, isLocal: Bool = false
    ) {
        self.address = address
        self.podName = podName
        self.standIn = standIn
        self.isLocal = isLocal
    }
}

/// An address to listen on for a service port.
public struct PlannedDoor: Sendable, Hashable {
    /// What to do if the port is not to be had.
    public enum Fallback: Sendable, Hashable {
        /// Report it and try again later: the number was asked for.
        case none
        /// Take another number: a privileged port plus 8000, otherwise the next ones.
        case anotherPort
    }

    /// What a door is for.
    public enum Role: Sendable, Hashable {
        /// Clients are told of it.
        case direct
        /// The firewall leads clients to it.
        case proxy
        /// It keeps a port that clients use from others, and serves those who get past the firewall's rules.
        case claim
    }

    /// Port 0 lets the kernel choose.
    public let address: EndpointAddress
    public let fallback: Fallback
    public let role: Role

    public init(address: EndpointAddress, fallback: Fallback = .none, role: Role = .direct) {
        self.address = address
        self.fallback = fallback
        self.role = role
    }

    /// The ports to try, in order.
    var candidates: [UInt16] {
        guard fallback == .anotherPort else { return [address.port] }
        let first = address.port < 1024 ? UInt32(address.port) + 8000 : UInt32(address.port) + 1
        return [address.port] + (first..<min(first + 256, 65_536)).map { UInt16($0) }
    }
}
