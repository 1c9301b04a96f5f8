public import Balancing
public import Base
public import Status

/// One service port: who serves it, and where clients reach it.
public struct PlannedPort: Sendable, Equatable {
    public let id: ServicePortID
    public let endpoints: [ServiceEndpoint]
    /// Where to connect in place of some of them: to what stands in for a pod on this machine.
    public let standIns: [EndpointAddress: EndpointAddress]
    /// Who takes its clients for as long as no endpoint can be reached.
    public let reserve: [ServiceEndpoint]
    public internal(set) var doors: [PlannedDoor]
    /// How its clients are treated.
    public let policy: ServicePolicy
    /// The process that serves it in place of its endpoints, or is to.
    public let local: LocalStatus?

    public init(
        id: ServicePortID, endpoints: [ServiceEndpoint], standIns: [EndpointAddress: EndpointAddress] = [:],
        reserve: [ServiceEndpoint] = [], doors: [PlannedDoor], policy: ServicePolicy = ServicePolicy(),
        local: LocalStatus? = nil
    ) {
        self.id = id
        self.endpoints = endpoints
        self.standIns = standIns
        self.reserve = reserve
        self.doors = doors
        self.policy = policy
        self.local = local
    }
}

/// An address to listen on for a service port.
public struct PlannedDoor: Sendable, Hashable {
    /// What to do if the port is not to be had.
    public enum Fallback: Sendable, Hashable {
        /// Report it and try again later: the number was asked for.
        case none
        /// The same, but nothing is missing if the machine has no such address.
        case absence
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

extension [PlannedPort] {
    /// These, with what `previous` has beyond them: for as long as clients are still led to old doors. An old door
    /// gives way to a new one at its address.
    func keeping(_ previous: [PlannedPort]) -> [PlannedPort] {
        if previous.isEmpty { return self }
        let places = self.places
        var ports = self
        for old in previous {
            let rest = old.doors.filter { !places.contains(DoorPlace(old.id.transport, $0.address)) }
            guard !rest.isEmpty else { continue }
            if let index = ports.firstIndex(where: { $0.id == old.id }) {
                ports[index].doors += rest
            } else {
                var port = old
                port.doors = rest
                ports.append(port)
            }
        }
        return ports
    }

    /// Without the doors at these places; nil if there are none.
    func leaving(_ places: Set<DoorPlace>) -> [PlannedPort]? {
        guard !places.isDisjoint(with: self.places) else { return nil }
        return compactMap { port in
            var port = port
            port.doors.removeAll { places.contains(DoorPlace(port.id.transport, $0.address)) }
            return port.doors.isEmpty ? nil : port
        }
    }

    /// Where their doors are.
    var places: Set<DoorPlace> {
        var places: Set<DoorPlace> = []
        for port in self {
            for door in port.doors { places.insert(DoorPlace(port.id.transport, door.address)) }
        }
        return places
    }
}

/// What only one door can have.
struct DoorPlace: Hashable {
    let transport: TransportProtocol
    let address: EndpointAddress

    init(_ transport: TransportProtocol, _ address: EndpointAddress) {
        self.transport = transport
        self.address = address
    }
}
