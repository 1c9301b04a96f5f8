internal import Base
public import Objects

/// What each name stands for: a DNS zone made from a list of Services, by the rules of "Kubernetes DNS-Based Service
/// Discovery". A value; what a Service that changes costs does not depend on how many others there are.
///
/// Below the domain, `cluster.local` say, there are
///
/// * `name.namespace.svc`: the addresses of a Service, or of all endpoints of a headless one; by SRV also its ports;
/// * `_port._proto.name.namespace.svc`: a named port of a Service;
/// * `endpoint.name.namespace.svc`: one endpoint of a headless Service.
///
/// A Service of type `ExternalName` has a CNAME. All are answered without the domain too, without `svc`, and those of
/// one namespace without that, so that programs need no search list to find them.
public struct NameTable: Sendable {
    /// What is known of a name. A name that only has others below it has nothing itself, but exists (RFC 8020).
    struct Node: Sendable {
        var addresses: [IPAddress] = []
        var locations: [Location] = []
        /// Another name, whose records are this one's.
        var alias: DNSName?
        /// Names one step below it.
        var children = 0
    }

    /// Where a port is served; the name stands below the domain.
    struct Location: Hashable, Sendable {
        let target: DNSName
        let port: UInt16
    }

    public let domain: DNSName
    /// Below which names stand that are asked for without a namespace, below `svc`; nil if there are none.
    private let namespace: DNSName?
    private(set) var serial: UInt32
    /// By their names below the domain.
    private(set) var nodes: [DNSName: Node] = [.root: Node()]
    /// What stands in the table for each Service. No two share a name but those above them.
    private var names: [ObjectKey: Set<DNSName>] = [:]

    static let service = DNSName(wire: [3] + Array("svc".utf8) + [0])

    /// - Parameters:
    ///   - domain: below which the names stand.
    ///   - namespace: whose names are answered without it, too.
    ///   - serial: a number that grows with every change, for the zone's SOA record.
    public init(_ services: [NamedService], domain: DNSName, namespace: String? = nil, serial: UInt32 = 1) {
        self.domain = domain
        self.namespace = namespace.flatMap { DNSName($0)?.below(Self.service) }
        self.serial = serial
        insert(Self.service) { _ in }
        for service in services { insert(service) }
    }

    /// Puts in Services that have changed, nil for those that are gone. They are new also to whoever asks by the
    /// serial.
    public mutating func update(_ changes: [ObjectKey: NamedService?]) {
        serial &+= 1
        for (key, service) in changes {
            remove(key)
            if let service { insert(service) }
        }
    }

    private mutating func insert(_ service: NamedService) {
        // Objects with names that cannot be in DNS are refused by an API server. With a dot, one could stand below
        // another.
        guard !service.name.contains("."), !service.namespace.contains("."),
            let name = DNSName("\(service.name).\(service.namespace)")?.below(Self.service)
        else { return }
        var table = Entry(service: name)
        switch service.form {
        case .doors(let addresses, let doors): table.insert(addresses, doors)
        case .endpoints(let ports): table.insert(ports)
        case .alias(let target): table.insert(target)
        }
        for (name, node) in table.nodes {
            insert(name) { known in
                (known.addresses, known.locations, known.alias) = (node.addresses, node.locations, node.alias)
            }
        }
        names[ObjectKey(namespace: service.namespace, name: service.name)] = Set(table.nodes.keys)
    }

    private mutating func remove(_ key: ObjectKey) {
        guard let gone = names.removeValue(forKey: key) else { return }
        for name in gone {
            nodes[name]?.addresses = []
            nodes[name]?.locations = []
            nodes[name]?.alias = nil
        }
        for name in gone { prune(name) }
    }

    /// Takes a name away, and those above it that were there for its sake alone.
    private mutating func prune(_ name: DNSName) {
        var rest = name
        while rest != Self.service, let node = nodes[rest], node.isEmpty, node.children == 0, let parent = rest.parent {
            nodes[rest] = nil
            nodes[parent]?.children -= 1
            rest = parent
        }
    }

    private mutating func insert(_ name: DNSName, _ edit: (inout Node) -> Void) {
        if nodes[name] == nil {
            nodes[name] = Node()
            var rest = name
            while let parent = rest.parent {
                let isKnown = nodes[parent] != nil
                nodes[parent, default: Node()].children += 1
                if isKnown { break }
                rest = parent
            }
        }
        edit(&nodes[name, default: Node()])
    }
}

/// What stands in a ``NameTable`` for one Service.
private struct Entry {
    let service: DNSName
    var nodes: [DNSName: NameTable.Node] = [:]
    private typealias Node = NameTable.Node
    private typealias Location = NameTable.Location

    init(service: DNSName) { self.service = service }

    mutating func insert(_ addresses: [IPAddress], _ doors: [NamedService.Door]) {
        nodes[service, default: Node()].addresses = addresses
        for door in doors {
            insert(Location(target: service, port: door.servedPort), for: door.name, door.transport)
        }
    }

    /// One that is no name stands for nothing.
    mutating func insert(_ target: String) { nodes[service] = Node(alias: DNSName(target)) }

    mutating func insert(_ ports: [NamedService.EndpointPort]) {
        nodes[service] = Node()
        for port in ports {
            for endpoint in port.endpoints {
                let ip = endpoint.address.ip
                func add(_ node: inout Node) {
                    if !node.addresses.contains(ip) { node.addresses.append(ip) }
                }
                add(&nodes[service, default: Node()])
                guard let own = DNSName(endpoint.name)?.below(service) else { continue }
                add(&nodes[own, default: Node()])
                // Without ports the Service has addresses only.
                guard endpoint.address.port > 0 else { continue }
                insert(Location(target: own, port: endpoint.address.port), for: port.name, port.transport)
            }
        }
    }

    /// A port is found by its name, and all of a Service's ports by the name of the Service: one that has no name could
    /// not be found otherwise, and here a port's number may differ from the manifest's.
    private mutating func insert(_ location: Location, for port: String, _ transport: TransportProtocol) {
        func add(_ node: inout Node) {
            if !node.locations.contains(location) { node.locations.append(location) }
        }
        add(&nodes[service, default: Node()])
        let label = "_\(port)._\(transport.rawValue.lowercased())"
        if !port.isEmpty, let name = DNSName(label)?.below(service) { add(&nodes[name, default: Node()]) }
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

    /// Looks a name up, with the zone whose SOA record may vouch for what is not there: the one that the name stands
    /// in, as far as whoever asked can see.
    func match(_ name: DNSName) -> (match: Match, zone: DNSName) {
        if let relative = name.relative(to: domain) {
            return (nodes[relative].map { .node($0) } ?? .missing, domain)
        }
        // The short forms are taken only where they name a Service: `default` alone is no name of ours.
        if let relative = name.below(Self.service), let node = nodes[relative], !node.isEmpty {
            return (.node(node), name.topLevel)
        }
        if let namespace, let relative = name.below(namespace), let node = nodes[relative], !node.isEmpty {
            return (.node(node), name.topLevel)
        }
        // Nobody else has a top-level domain called svc.
        if name.relative(to: Self.service) != nil { return (nodes[name].map { .node($0) } ?? .missing, Self.service) }
        return (.foreign, .root)
    }
}

extension DNSName {
    /// Its last label.
    fileprivate var topLevel: DNSName {
        var name = self
        while let parent = name.parent, parent != .root { name = parent }
        return name
    }
}

extension NameTable.Node {
    var isEmpty: Bool { addresses.isEmpty && locations.isEmpty && alias == nil }
}
