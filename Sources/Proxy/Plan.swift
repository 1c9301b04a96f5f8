public import Services

/// What is wanted of the data plane, complete: service ports that are not in it are to go. Made by a planner (one for the
/// development proxy, one for the node) and carried out by the ``Reconciler``.
public struct Plan: Sendable, Equatable {
    public var ports: [PlannedPort]
    /// What is left out, or was done differently from what was asked, in words for people.
    public var notes: [String]

    public init(ports: [PlannedPort] = [], notes: [String] = []) {
        self.ports = ports
        self.notes = notes
    }
}

/// One service port: who serves it, and where clients reach it.
public struct PlannedPort: Sendable, Equatable {
    public let id: ServicePortID
    public let endpoints: [PlannedEndpoint]
    public let doors: [PlannedDoor]
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

    /// Port 0 lets the kernel choose.
    public let address: EndpointAddress
    public let fallback: Fallback

    public init(address: EndpointAddress, fallback: Fallback) {
        self.address = address
        self.fallback = fallback
    }

    /// The ports to try, in order.
    var candidates: [UInt16] {
        guard fallback == .anotherPort else { return [address.port] }
        let first = address.port < 1024 ? UInt32(address.port) + 8000 : UInt32(address.port) + 1
        return [address.port] + (first..<min(first + 256, 65_536)).map { UInt16($0) }
    }
}
