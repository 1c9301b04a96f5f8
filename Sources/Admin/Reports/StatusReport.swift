internal import Balancing
internal import Base
internal import Glibc
internal import Objects
internal import Relay
internal import Status

/// How things stand, as JSON for programs (docs/status.schema.json): `portico status`, `portico top` and the dashboard are
/// made from it.
struct StatusReport {
    /// Grows when a reader of before would misread something; new fields do not.
    static let version = 1
    /// Problems in an answer, at most.
    private static let mostProblems = 1000

    private let subject: AdminSubject
    /// `namespace/name` of the only one that is wanted.
    private let service: String?

    init(_ subject: AdminSubject, service: String?) {
        self.subject = subject
        self.service = service
    }

    var value: JSONValue {
        let snapshot = subject.seat.relay?.snapshot() ?? RelaySnapshot()
        // The dictionary itself is shared, and only for as long as this takes.
        let services = subject.board.read { $0.services }
        let wanted = services.filter { service == nil || "\($0.key)" == service }.sorted { $0.key < $1.key }
        var pairs = head
        pairs.append(("totals", totals(snapshot)))
        pairs += board
        pairs.append(("services", .array(wanted.map { self.value($0.key, $0.value, snapshot) })))
        return .object(pairs)
    }

    private var head: [(String, JSONValue)] {
        let node = subject.node.map { [("node", JSONValue.string($0))] } ?? []
        return [
            ("schema", .integer(Self.version)), ("command", .string(subject.command)),
            ("version", .string(subject.version)),
        ] + node + [
            ("mode", .string(subject.mode)), ("pid", .integer(Int(getpid()))),
            ("startedAt", .string(rfc3339(subject.startedAt))),
            ("time", .string(rfc3339(HealthClock.system.wallNanoseconds()))),
        ]
    }

    private var board: [(String, JSONValue)] {
        subject.board.read { status in
            var pairs: [(String, JSONValue)] = [
                ("phase", .string("\(status.phase)")), ("servedServices", .integer(status.served.served)),
                ("allServices", .integer(status.served.all)),
            ]
            if let rules = status.rules {
                let families = rules.inForce.map { JSONValue.string("IPv\($0.rawValue)") }
                pairs.append(
                    (
                        "rules",
                        [
                            "inForce": .bool(rules.isInForce), "none": .bool(rules.isNone),
                            "families": .array(families),
                        ]
                    ))
            }
            pairs.append(("problemCount", .integer(status.problemCount)))
            pairs.append(("errorCount", .integer(status.problemCount(.error))))
            pairs.append(
                (
                    "problems",
                    .array(
                        status.problems.prefix(Self.mostProblems).map { problem in
                            [
                                "severity": .string("\(problem.severity)"), "kind": .string("\(problem.kind)"),
                                "subject": .string(problem.subject), "text": .string(problem.text),
                            ]
                        })
                ))
            return pairs
        }
    }

    private func totals(_ snapshot: RelaySnapshot) -> JSONValue {
        let (total, sum) = (snapshot.total, snapshot.sum)
        return .object(
            Self.fields(sum) + [
                ("connections", .integer(total.open)), ("halfOpen", .integer(total.halfOpen)),
                ("udpFlows", .integer(max(0, sum.open - total.open))),
                ("spliced", .integer(Int(clamping: total.splicedBytes))),
                ("copied", .integer(Int(clamping: total.copiedBytes))), ("shed", .integer(Int(clamping: total.shed))),
                ("connectMilliseconds", Self.value(total.connecting)),
            ])
    }

    private static func value(_ durations: Durations) -> JSONValue {
        [
            "bounds": .array(durations.bounds.map { .integer(Int($0)) }),
            "counts": .array(durations.counts.map { .integer(Int(clamping: $0)) }),
        ]
    }

    static func fields(_ counters: PortCounters) -> [(String, JSONValue)] {
        [
            ("open", .integer(counters.open)), ("accepted", .integer(Int(clamping: counters.accepted))),
            ("refused", .integer(Int(clamping: counters.refused))),
            ("broken", .integer(Int(clamping: counters.broken))),
            ("dialFailures", .integer(Int(clamping: counters.dialFailures))),
            ("bytesUp", .integer(Int(clamping: counters.bytesUp))),
            ("bytesDown", .integer(Int(clamping: counters.bytesDown))),
            ("datagramsDropped", .integer(Int(clamping: counters.dropped))), ("held", .integer(counters.held)),
            ("ejections", .integer(Int(clamping: counters.ejections))),
            ("ejectedEndpoints", .integer(counters.ejectedEndpoints)),
            ("affinityClients", .integer(counters.pinnedClients)),
        ]
    }

    // MARK: Services

    private func value(_ key: ObjectKey, _ service: ServedService, _ snapshot: RelaySnapshot) -> JSONValue {
        let portals = Dictionary(grouping: service.portals, by: \.owner)
        return [
            "namespace": .string(key.namespace), "name": .string(key.name),
            "ports": .array(service.ports.map { value($0, portals[$0.id] ?? [], snapshot) }),
            "notes": .array(service.notes.filter { !$0.isDetail }.map { .string($0.text) }),
        ]
    }

    private func value(_ port: PortStatus, _ portals: [PortalStatus], _ snapshot: RelaySnapshot) -> JSONValue {
        let counters = snapshot.ports[port.id] ?? PortCounters()
        var pairs: [(String, JSONValue)] = [
            ("service", .string("\(port.id)")), ("portName", .string(port.id.name.port)),
            ("protocol", .string(port.id.transport.rawValue)),
            ("family", .string("IPv\(port.id.list.family.rawValue)")),
            ("policy", .string("\(port.id.list.policy)")),
            (
                "addresses",
                .array(portals.map { ["kind": .string($0.kind.rawValue), "address": .string("\($0.address)")] })
            ),
            ("listening", .array(port.doors.map(value))), ("endpoints", endpoints(port)),
            ("counters", .object(Self.fields(counters))),
        ]
        if let absence = port.absence { pairs.append(("reason", .string(absence))) }
        if let local = port.local {
            pairs.append(("local", ["place": .string(local.place), "serving": .bool(local.isServing)]))
        }
        return .object(pairs)
    }

    private func value(_ door: DoorStatus) -> JSONValue {
        var pairs: [(String, JSONValue)] = [
            ("wanted", .string("\(door.wanted)")), ("address", door.listening.map { .string("\($0)") } ?? .null),
        ]
        if let problem = door.problem { pairs.append(("problem", .string(problem))) }
        return .object(pairs)
    }

    private func endpoints(_ port: PortStatus) -> JSONValue {
        let looks = port.endpoints.isEmpty ? [:] : subject.seat.relay?.endpoints(of: port.id) ?? [:]
        return .array(
            port.endpoints.map { endpoint in
                let look = looks[endpoint.address]
                return [
                    "address": .string("\(endpoint.address)"), "pod": .string(endpoint.podName ?? ""),
                    "local": .bool(endpoint.isLocal),
                    "state": .string(look?.isEjected == true ? "ejected" : "ready"), "open": .integer(look?.open ?? 0),
                ]
            })
    }
}

/// Connections that are open now, as JSON.
struct ConnectionReport {
    private let subject: AdminSubject

    init(_ subject: AdminSubject) { self.subject = subject }

    /// - Parameters:
    ///   - service: `namespace/name`, with or without a port; nil for all.
    ///   - most: of each worker.
    func value(of service: String?, atMost most: Int) async -> JSONValue {
        guard let relay = subject.seat.relay else { return ["open": 0, "connections": []] }
        let open = relay.total.open
        let wanted = service.map(WantedPorts.init)
        let connections = await relay.connections(atMost: most) { wanted?.contains($0.name) ?? true }
        let values = connections.sorted { $0.age > $1.age }.map { connection -> JSONValue in
            [
                "service": .string("\(connection.port)"), "client": .string("\(connection.client)"),
                "endpoint": connection.endpoint.map { .string("\($0.address)") } ?? .null,
                "pod": .string(connection.endpoint?.podName ?? ""), "attempts": .integer(connection.attempts),
                "bytesUp": .integer(Int(clamping: connection.bytesUp)),
                "bytesDown": .integer(Int(clamping: connection.bytesDown)),
                "ageMilliseconds": .integer(Int(connection.age)), "idleMilliseconds": .integer(Int(connection.idle)),
                "stage": .string(connection.stage.rawValue),
            ]
        }
        return ["open": .integer(open), "connections": .array(values)]
    }
}

/// A Service, or one of its ports, as a question names it: `shop/web`, `shop/web:http`. Taken apart once, since workers
/// compare it with each of their connections.
private struct WantedPorts {
    private let namespace: String
    private let service: String
    /// Nil for all of them.
    private let port: String?

    init(_ text: String) {
        let sides = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        let names = (sides.last ?? "").split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false)
        namespace = sides.count == 2 ? String(sides[0]) : ""
        service = names.first.map(String.init) ?? ""
        port = names.count == 2 ? String(names[1]) : nil
    }

    func contains(_ name: ServicePortName) -> Bool {
        name.service == service && name.namespace == namespace && (port.map { $0 == name.port } ?? true)
    }
}
