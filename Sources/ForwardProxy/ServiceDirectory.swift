public import Balancing
public import Base
public import Objects

/// Which Services there are, by name and by address, as a forward proxy looks them up: by the names that pods of one
/// namespace know them by. A value; what a Service that changes costs does not depend on how many others there are.
public struct ServiceDirectory: Sendable {
    /// A Service, as far as clients are led to it.
    public struct Entry: Sendable, Hashable {
        /// Its cluster IPs, and the addresses that it has on this machine.
        public var addresses: [IPAddress] = []
        public var ports: [Port] = []
        /// A headless Service's endpoints: its name stands for all of them.
        public var pods: [Pod] = []
        /// Another name, which this one stands for: `ExternalName`.
        public var alias: String?

        public init() {}
    }

    public struct Port: Sendable, Hashable {
        public var id: ServicePortID
        /// As clients of the cluster know it.
        public var number: UInt16
        /// As it is served on this machine; another one if the former was not to be had.
        public var servedNumber: UInt16
        /// Why a client would only be refused; nil if it would not.
        public var absence: String?

        public init(id: ServicePortID, number: UInt16, servedNumber: UInt16? = nil, absence: String? = nil) {
            self.id = id
            self.number = number
            self.servedNumber = servedNumber ?? number
            self.absence = absence
        }
    }

    public struct Pod: Sendable, Hashable {
        /// Its name below that of the Service.
        public var name: String
        public var address: EndpointAddress
        /// The pod's own name, if it is known.
        public var podName: String?
        /// Where to connect in place of that; nil for there.
        public var standIn: EndpointAddress?

        public init(
            name: String, address: EndpointAddress, podName: String? = nil, standIn: EndpointAddress? = nil
        ) {
            self.name = name
            self.address = address
            self.podName = podName
            self.standIn = standIn
        }
    }

    /// Where a target leads.
    public enum Finding: Sendable, Hashable {
        case service(ServicePortID)
        /// To any of these, which no service port has.
        ///
        /// - Parameter name: of them all, with a dot in it: `db-0.db`, or `*.db`.
        case pods(namespace: String, name: String, [Pod])
        /// To nothing that a Service has.
        ///
        /// - Parameter reason: why it is not taken for one.
        case outside(ForwardTarget, reason: String)
        case refused(ForwardRefusal)
    }

    /// How many names may lead from one to the next, which may be in circles.
    private static let mostAliases = 8

    private let domain: [Substring]
    /// The namespace of names without one.
    private let namespace: String
    private var entries: [ObjectKey: Entry] = [:]
    /// Several Services may say that an address is theirs; the one that is first by name has it.
    private var holders: [IPAddress: Set<ObjectKey>] = [:]

    /// - Parameters:
    ///   - domain: of the cluster: `cluster.local`.
    ///   - namespace: whose names are taken without it, too.
    public init(domain: String, namespace: String) {
        self.domain = Self.labels(of: domain) ?? []
        self.namespace = namespace
    }

    /// A Service is like this now; nil if it is gone.
    public mutating func update(_ key: ObjectKey, _ entry: Entry?) {
        for address in entries[key]?.addresses ?? [] {
            holders[address]?.remove(key)
            if holders[address]?.isEmpty == true { holders[address] = nil }
        }
        entries[key] = entry
        for address in entry?.addresses ?? [] { holders[address, default: []].insert(key) }
    }

    public func find(_ target: ForwardTarget) -> Finding {
        var target = target
        for _ in 0..<Self.mostAliases {
            switch target.host {
            case .address(let ip): return find(target, at: ip)
            case .name(let name):
                let finding = find(target, named: name)
                guard case .outside(let next, _) = finding, next != target else { return finding }
                target = next
            }
        }
        return .refused(ForwardRefusal(.unknownHost, "\(target) is a name that leads in circles"))
    }

    // MARK: Addresses

    private func find(_ target: ForwardTarget, at ip: IPAddress) -> Finding {
        if let key = holders[ip]?.min(), let entry = entries[key] {
            return find(target.port, of: key, entry, byAddress: true)
        }
        return .outside(target, reason: "\(ip) is no address of a Service")
    }

    // MARK: Names

    private func find(_ target: ForwardTarget, named name: String) -> Finding {
        guard let labels = Self.labels(of: name) else {
            return .refused(ForwardRefusal(.unknownHost, "'\(name)' is no name of a host"))
        }
        let (candidates, isOurs) = candidates(labels)
        for (pod, key) in candidates {
            guard let entry = entries[key] else { continue }
            if let alias = entry.alias, pod == nil { return follow(alias, target) }
            if let pod {
                let pods = entry.pods.filter { $0.name.lowercased() == pod }
                if !pods.isEmpty {
                    return find(target.port, among: pods, of: key, "\(pod).\(key.name)")
                }
            } else if entry.ports.isEmpty {
                return find(target.port, among: entry.pods, of: key, "*.\(key.name)")
            } else {
                return find(target.port, of: key, entry, byAddress: false)
            }
        }
        guard isOurs else { return .outside(target, reason: "\(name) is no Service's name") }
        let missing = candidates.first.map { "there is no Service \($0.key)" } ?? "no Service can have that name"
        return .refused(ForwardRefusal(.unknownHost, "\(name): \(missing)"))
    }

    private func follow(_ alias: String, _ target: ForwardTarget) -> Finding {
        guard let next = ForwardTarget(text: alias.utf8, port: target.port), next != target else {
            return .refused(ForwardRefusal(.unknownHost, "\(target) stands for '\(alias)', which is no other host"))
        }
        return .outside(next, reason: "\(target) stands for \(alias), which is no Service")
    }

    /// What a name may mean, with the likeliest first, and whether nobody else can have it.
    private func candidates(_ labels: [Substring]) -> (names: [(pod: String?, key: ObjectKey)], isOurs: Bool) {
        var rest = labels
        let isWhole = rest.count > domain.count && rest.suffix(domain.count) == domain[...]
        if isWhole { rest.removeLast(domain.count) }
        let hasKind = rest.last == "svc" && rest.count > 1
        if hasKind { rest.removeLast() }
        func key(_ name: Int, _ namespace: Int) -> ObjectKey {
            ObjectKey(namespace: String(rest[namespace]), name: String(rest[name]))
        }
        var names: [(String?, ObjectKey)] = []
        switch rest.count {
        case 1 where !isWhole && !hasKind: names = [(nil, ObjectKey(namespace: namespace, name: String(rest[0])))]
        case 2 where !isWhole || hasKind:
            names = [(nil, key(0, 1))]
            if !hasKind { names.append((String(rest[0]), ObjectKey(namespace: namespace, name: String(rest[1])))) }
        case 3 where !isWhole || hasKind: names = [(String(rest[0]), key(1, 2))]
        default: break
        }
        return (names, isWhole || hasKind)
    }

    /// In lower case, without a dot at the end; nil for what is no name.
    private static func labels(of name: String) -> [Substring]? {
        var text = name.lowercased()
        if text.hasSuffix(".") { text.removeLast() }
        let labels = text.split(separator: ".", omittingEmptySubsequences: false)
        return labels.contains("") ? nil : labels
    }

    // MARK: Ports

    private func find(_ number: UInt16, of key: ObjectKey, _ entry: Entry, byAddress: Bool) -> Finding {
        let ports = entry.ports.filter { $0.id.transport == .tcp }
        var found = ports.first { $0.number == number }
        // Where an address is used, its ports are those that are printed.
        if byAddress, found == nil { found = ports.first { $0.servedNumber == number } }
        guard let found else {
            return .refused(
                ForwardRefusal(.notAllowed, "\(key) has no port \(number); it has \(Self.choices(entry.ports))"))
        }
        if let absence = found.absence {
            return .refused(ForwardRefusal(.unavailable, "nobody serves \(found.id): \(absence)"))
        }
        return .service(found.id)
    }

    /// A port of pods is their own, as in a cluster, where a name like that stands for their addresses.
    private func find(_ number: UInt16, among pods: [Pod], of key: ObjectKey, _ name: String) -> Finding {
        guard !pods.isEmpty else {
            return .refused(ForwardRefusal(.unavailable, "\(key) has no pods that are ready"))
        }
        let meant = pods.filter { $0.address.port == number }
        guard !meant.isEmpty else {
            let ports = Set(pods.map(\.address.port)).sorted().map(String.init).joined(separator: ", ")
            return .refused(
                ForwardRefusal(
                    .notAllowed,
                    "\(key) is headless, and its pods have no port \(number) that is known; they have \(ports)"))
        }
        return .pods(namespace: key.namespace, name: name, meant)
    }

    private static func choices(_ ports: [Port]) -> String {
        ports.map { port in
            let name = port.id.name.port
            return "\(port.number)/\(port.id.transport.rawValue.lowercased())" + (name.isEmpty ? "" : " (\(name))")
        }.joined(separator: ", ")
    }
}
