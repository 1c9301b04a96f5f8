internal import Balancing
internal import Base
internal import Objects
internal import Status

/// Service ports that are not served at every address, for there is no room for more listening sockets: one problem,
/// however many they are.
struct ListenerShortage: Sendable {
    private var lacking: [ObjectKey: [ServicePortID]] = [:]
    /// How many doors of each Service are open.
    private var open: [ObjectKey: Int] = [:]

    mutating func update(_ key: ObjectKey, _ ports: [PortStatus]) {
        var found: [ServicePortID] = []
        for port in ports where port.doors.contains(where: \.lacksDescriptors) {
            // Each has a list of endpoints for each family, with doors of its own.
            let id = ServicePortID(port.id.name, port.id.transport)
            if !found.contains(id) { found.append(id) }
        }
        lacking.replace(key, with: found.isEmpty ? nil : found)
        let count = ports.reduce(0) { sum, port in sum + port.doors.count { $0.listening != nil } }
        open.replace(key, with: count > 0 ? count : nil)
    }

    /// Services that lack a listening socket and may get one now that others give some back.
    ///
    /// - Parameters:
    ///   - keys: the Services that are about to be told to the relay.
    ///   - ports: how a Service is planned now.
    func nextInLine(_ keys: Set<ObjectKey>, _ ports: (ObjectKey) -> [PlannedPort]) -> Set<ObjectKey> {
        guard !lacking.isEmpty else { return [] }
        let freed = keys.reduce(0) { freed, key in
            freed + max(0, (open[key] ?? 0) - ports(key).reduce(0) { $0 + $1.doors.count })
        }
        return freed > 0 ? Set(lacking.keys.sorted().prefix(freed)) : []
    }

    /// - Parameter limit: of files that the process may have open.
    func problem(limit: Int) -> Problem? {
        guard let first = lacking.min(by: { $0.key < $1.key })?.value.first else { return nil }
        let count = lacking.values.reduce(0) { $0 + $1.count }
        let others = count > 1 ? " and \(count - 1) more service ports" : ""
        return Problem(
            .error, .resources, subject: "\(first)\(others)",
            "not served at every address, because the limit of \(limit) open files leaves no room for more "
                + "listening sockets; raise it (LimitNOFILE=, ulimit -n)")
    }
}

extension [PortStatus] {
    /// Doors that cannot be opened, one problem each; those that only lack room are ``ListenerShortage``'s.
    var problems: [Problem] {
        flatMap { port in
            port.doors.compactMap { door in
                door.lacksDescriptors
                    ? nil : door.problem.map { Problem(.error, .listener, subject: "\(port.id)", $0) }
            }
        }
    }

    /// Whether all doors are open.
    var areOpen: Bool { allSatisfy { $0.doors.allSatisfy { $0.listening != nil } } }
}
