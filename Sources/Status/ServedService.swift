public import Balancing
public import Base

/// How a Service is served.
public struct ServedService: Sendable, Equatable {
    public var ports: [PortStatus]
    public var notes: [Note]
    /// What is not as it was asked for, and the Service's own.
    public var problems: [Problem]
    /// Addresses from which rules lead clients to its ports; none where there are no rules.
    public var portals: [PortalStatus] = []

    public init(ports: [PortStatus] = [], notes: [Note] = [], problems: [Problem] = []) {
        self.ports = ports
        self.notes = notes
        self.problems = problems
    }
}

extension ServedService {
    /// Whether it has a port to serve.
    var hasPorts: Bool { !ports.isEmpty }
    /// Whether one of its ports has endpoints.
    var isServed: Bool { ports.contains { !$0.endpoints.isEmpty } }
}

/// How one of its ports is served: who serves it, and where clients reach it.
public struct PortStatus: Sendable, Equatable {
    public let id: ServicePortID
    public var endpoints: [ServiceEndpoint]
    public var doors: [DoorStatus]
    /// The process of somebody's choice that serves it, or is to; nil for none.
    public var local: LocalStatus?
    /// Why it has no endpoints, and what would serve it; nil if it has some, and where nobody asks.
    public var absence: String?

    public init(
        id: ServicePortID, endpoints: [ServiceEndpoint] = [], doors: [DoorStatus] = [], local: LocalStatus? = nil
    ) {
        self.id = id
        self.endpoints = endpoints
        self.doors = doors
        self.local = local
    }
}

/// An address of a service port that leads here by the kernel's rules.
public struct PortalStatus: Sendable, Hashable {
    public enum Kind: String, Sendable {
        case clusterIP = "cluster IP"
        case externalIP = "external IP"
        case loadBalancerIP = "load balancer IP"
        case nodePort = "node port"
    }

    public let owner: ServicePortID
    public let kind: Kind
    /// Of a node port, any address of its family.
    public let address: EndpointAddress

    public init(owner: ServicePortID, kind: Kind, address: EndpointAddress) {
        self.owner = owner
        self.kind = kind
        self.address = address
    }
}

/// How it stands with a process that is to serve a service port in place of its endpoints.
public struct LocalStatus: Sendable, Hashable {
    /// Where it listens, or what is waited for: `127.0.0.1:3000`.
    public var place: String
    /// It listens, and has the clients.
    public var isServing: Bool

    public init(place: String, isServing: Bool) {
        self.place = place
        self.isServing = isServing
    }
}

/// An address at which clients are to reach a service port.
public struct DoorStatus: Sendable, Equatable {
    /// The address that was asked for.
    public let wanted: EndpointAddress
    /// Where clients are being served; nil if they are not.
    public let listening: EndpointAddress?
    /// Why not.
    public let problem: String?
    /// Somebody else has the address.
    public var isInUse: Bool
    /// There is no room for more listening sockets.
    public var lacksDescriptors: Bool
    /// What somebody else has, and clients are served elsewhere for: the address that was asked for, or the next that
    /// was tried.
    public var occupied: EndpointAddress?

    public init(
        wanted: EndpointAddress, listening: EndpointAddress?, problem: String?, isInUse: Bool = false,
        lacksDescriptors: Bool = false, occupied: EndpointAddress? = nil
    ) {
        self.wanted = wanted
        self.listening = listening
        self.problem = problem
        self.isInUse = isInUse
        self.lacksDescriptors = lacksDescriptors
        self.occupied = occupied
    }

    /// Served, but on another port than was asked for.
    public var isRemapped: Bool {
        guard let listening else { return false }
        return wanted.port != 0 && listening.port != wanted.port
    }
}
