public import Balancing
public import Base
public import Objects
public import Resolution
internal import Status

/// Plans for a developer's machine: every service port gets a door on its Service's own loopback address, and whatever
/// was published by name gets further ones. A pure function of its input, but for the addresses, which it remembers.
public struct DevelopmentPlanner: Sendable {
    /// A service port to be served at an address of the user's choice: `--publish`.
    public struct Publication: Sendable, Hashable, CustomStringConvertible {
        public enum Port: Sendable, Hashable {
            case number(UInt16)
            case name(String)
        }

        public let namespace: String
        public let service: String
        public let port: Port
        public let transport: TransportProtocol
        /// Where to listen; both `127.0.0.1` and `::1` if nil.
        public let address: IPAddress?
        /// 0 lets the kernel choose.
        public let localPort: UInt16

        public init(
            namespace: String, service: String, port: Port, transport: TransportProtocol, address: IPAddress?,
            localPort: UInt16
        ) {
            self.namespace = namespace
            self.service = service
            self.port = port
            self.transport = transport
            self.address = address
            self.localPort = localPort
        }

        public var description: String {
            let number =
                switch port {
                case .number(let number): "\(number)"
                case .name(let name): name
                }
            return "\(namespace)/\(service):\(number)" + (transport == .udp ? "/udp" : "")
        }

        /// Its Service.
        var key: ObjectKey { ObjectKey(namespace: namespace, name: service) }

        /// Whether it is this port of its Service.
        func matches(_ candidate: ServicePort) -> Bool {
            guard candidate.transport == transport else { return false }
            switch port {
            case .number(let number): return candidate.port == number
            case .name(let name): return candidate.name.port == name
            }
        }

        var doors: [PlannedDoor] {
            guard let address else {
                return [
                    PlannedDoor(address: EndpointAddress(ip: IPAddress(v4: 0x7F00_0001), port: localPort)),
                    PlannedDoor(
                        address: EndpointAddress(ip: IPAddress(v6High: 0, low: 1), port: localPort), fallback: .absence),
                ]
            }
            return [PlannedDoor(address: EndpointAddress(ip: address, port: localPort))]
        }
    }

    private let publications: [Publication]
    private let publicationsByService: [ObjectKey: [Publication]]
    /// For Services that do not say.
    private let balancing: BalancingMethod
    /// Each Service has an address of its own, too.
    private let givesAddresses: Bool
    private var addresses = AddressBook()

    public init(
        publications: [Publication] = [], balancing: BalancingMethod = .roundRobin, givesAddresses: Bool = true
    ) {
        self.givesAddresses = givesAddresses
        self.publications = publications
        publicationsByService = Dictionary(grouping: publications, by: \.key)
        self.balancing = balancing
    }

    /// The plan for one Service.
    ///
    /// - Parameters:
    ///   - locals: those of its ports that processes serve in place of endpoints.
    ///   - standIn: where something on this machine stands in for an endpoint, if anything does.
    public mutating func plan(
        _ key: ObjectKey, _ ports: [ServicePort], locals: [ServicePortID: LocalState] = [:],
        standIn: (ServiceEndpoint) -> EndpointAddress? = { _ in nil }
    ) -> ServicePlan {
        var plan = ServicePlan()
        guard !ports.isEmpty else { return plan }
        for port in ports {
            let published = (publicationsByService[key] ?? []).filter { $0.matches(port) }.flatMap(\.doors)
            let doors = ownDoors(key, port) + published
            if doors.isEmpty { continue }
            // A machine without the cluster's nodes has no local endpoints: traffic policies mean nothing here.
            let endpoints = port.endpoints.selection(for: .ipv4).cluster
            let standIns = endpoints.compactMap { endpoint in standIn(endpoint).map { (endpoint.address, $0) } }
            let id = ServicePortID(port.name, port.transport)
            let local = locals[id]
            plan.ports.append(
                PlannedPort(
                    id: id, endpoints: local?.endpoints(else: endpoints) ?? endpoints,
                    standIns: Dictionary(standIns, uniquingKeysWith: { first, _ in first }),
                    reserve: local?.reserve(endpoints) ?? [], doors: doors,
                    policy: ServicePolicy(port, balancing: balancing), local: local?.status))
            if port.transport == .udp, port.options.proxyProtocol == .v1 {
                plan.notes.append(
                    "\(port.name): version 1 of the PROXY protocol knows no UDP; endpoints get no header")
            }
        }
        return plan
    }

    private mutating func ownDoors(_ key: ObjectKey, _ port: ServicePort) -> [PlannedDoor] {
        guard givesAddresses else { return [] }
        let own = addresses.address(namespace: key.namespace, service: key.name)
        return [PlannedDoor(address: EndpointAddress(ip: own, port: port.port), fallback: .anotherPort)]
    }

    /// What was to be published and is not there, with what there is instead.
    public func missingPublications(_ ports: (ObjectKey) -> [ServicePort]) -> [String] {
        publications.compactMap { publication in
            let known = ports(publication.key)
            if known.contains(where: publication.matches) { return nil }
            return "--publish \(publication): "
                + (known.isEmpty ? "there is no such Service (yet)" : known.lackingPort)
        }
    }

    /// The published addresses of a Service that are not open, and why.
    func failedPublications(_ key: ObjectKey, _ ports: [PortStatus]) -> [String] {
        guard let publications = publicationsByService[key] else { return [] }
        let places = Set(publications.flatMap(\.doors).map(\.address))
        return ports.flatMap { port in
            port.doors.compactMap { door in
                guard door.listening == nil, places.contains(door.wanted) else { return nil }
                return "--publish \(port.id): \(door.problem ?? "not open")"
            }
        }
    }
}

extension [ServicePort] {
    /// Of ports of one Service.
    var lackingPort: String { "the Service has no such port; it has \(choices)" }

    /// As people write them.
    var choices: String {
        map { ServicePortID($0.name, $0.transport).choice($0.port) }.joined(separator: ", ")
    }
}

extension ServicePortID {
    /// One of several to choose from: `80/tcp (http)`.
    func choice(_ port: UInt16) -> String {
        "\(port)/\(transport.rawValue.lowercased())" + (name.port.isEmpty ? "" : " (\(name.port))")
    }
}
