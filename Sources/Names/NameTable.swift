internal import Base
internal import Objects

/// What each name stands for: a DNS zone made from a list of Services, by the rules of "Kubernetes DNS-Based Service
/// Discovery". A value; a new list makes a new table.
///
/// Below the domain, `cluster.local` say, there are
///
/// * `name.namespace.svc`: the addresses of a Service, or of all endpoints of a headless one; by SRV also its ports;
/// * `_port._proto.name.namespace.svc`: a named port of a Service;
/// * `endpoint.name.namespace.svc`: one endpoint of a headless Service.
///
/// They are answered without the domain too, and without `svc`, so that programs need no search list to find them.
public struct NameTable: Sendable {
    /// What is known of a name. A name that only has others below it has nothing itself, but exists (RFC 8020).
    struct Node: Sendable {
        var addresses: [IPAddress] = []
        var locations: [Location] = []
    }

    /// Where a port is served; the name stands below the domain.
    struct Location: Hashable, Sendable {
        let target: DNSName
        let port: UInt16
    }

    public let domain: DNSName
    let serial: UInt32
    /// By their names below the domain.
    private(set) var nodes: [DNSName: Node] = [.root: Node()]

    static let service = DNSName(wire: [3] + Array("svc".utf8) + [0])

    /// - Parameters:
    ///   - domain: below which the names stand.
    ///   - serial: a number that grows with every table, for the zone's SOA record.
    public init(_ services: [NamedService], domain: DNSName, serial: UInt32 = 1) {
        self.domain = domain
        self.serial = serial
        insert(Self.service) { _ in }
        for service in services {
            // Objects with names that cannot be in DNS are refused by an API server.
            guard let name = DNSName("\(service.name).\(service.namespace)")?.below(Self.service) else { continue }
            switch service.form {
            case .doors(let addresses, let doors): insert(name, addresses, doors)
            case .endpoints(let ports): insert(name, ports)
            }
        }
    }

    private mutating func insert(_ name: DNSName, _ addresses: [IPAddress], _ doors: [NamedService.Door]) {
        insert(name) { $0.addresses = addresses }
        for door in doors {
            let location = Location(target: name, port: door.servedPort)
            insert(location, for: door.name, door.transport, of: name)
        }
    }

    private mutating func insert(_ name: DNSName, _ ports: [NamedService.EndpointPort]) {
        insert(name) { _ in }
        for port in ports {
            for endpoint in port.endpoints {
                let ip = endpoint.address.ip
                func add(_ node: inout Node) {
                    if !node.addresses.contains(ip) { node.addresses.append(ip) }
                }
                insert(name, add)
                guard let own = DNSName(endpoint.name)?.below(name) else { continue }
                insert(own, add)
                // Without ports the Service has addresses only.
                guard endpoint.address.port > 0 else { continue }
                insert(Location(target: own, port: endpoint.address.port), for: port.name, port.transport, of: name)
            }
        }
    }

    /// A port is found by its name, and all of a Service's ports by the name of the Service: one that has no name could not
    /// be found otherwise, and here a port's number may differ from the manifest's.
    private mutating func insert(
        _ location: Location, for port: String, _ transport: TransportProtocol, of service: DNSName
    ) {
        func add(_ node: inout Node) {
            if !node.locations.contains(location) { node.locations.append(location) }
        }
        insert(service, add)
        let label = "_\(port)._\(transport.rawValue.lowercased())"
        if !port.isEmpty, let name = DNSName(label)?.below(service) { insert(name, add) }
    }

    private mutating func insert(_ name: DNSName, _ edit: (inout Node) -> Void) {
        edit(&nodes[name, default: Node()])
        var rest = name
        while let parent = rest.parent, nodes[parent] == nil {
            nodes[parent] = Node()
            rest = parent
        }
    }
}

extension NameTable {
    /// What a name stands for.
    enum Match {
        case node(Node)
        /// It would be in the zone, and is not.
        case missing
        /// Somebody else's.
        case foreign
    }

    /// Looks a name up. `inZone` says whether it stands below the domain, so that the zone's SOA record may vouch for it.
    func match(_ name: DNSName) -> (match: Match, inZone: Bool) {
        if let relative = name.relative(to: domain) {
            return (nodes[relative].map { .node($0) } ?? .missing, true)
        }
        // The short forms are taken only where they name a Service: `default` alone is no name of ours.
        if let relative = name.below(Self.service), let node = nodes[relative], !node.isEmpty {
            return (.node(node), false)
        }
        // Nobody else has a top-level domain called svc.
        if name.relative(to: Self.service) != nil { return (nodes[name].map { .node($0) } ?? .missing, false) }
        return (.foreign, false)
    }
}

extension NameTable.Node {
    var isEmpty: Bool { addresses.isEmpty && locations.isEmpty }
}
