import TestSupport

@testable import KubernetesAPI

/// What an API server knows of Services, and how it answers: with state, events and versions, without sockets and time.
struct APIModel {
    private struct Event {
        var version: Int
        var type: String
        var object: String
    }

    private(set) var version = 100
    /// Objects by name: their version and port.
    private(set) var services: [String: (version: Int, port: Int)] = [:]
    private var events: [Event] = []
    /// Events of this version and before are no longer known.
    private var forgotten = 100
    var streamsLists = true
    /// How many were asked for in full, by list or by stream.
    private(set) var lists = 0
    private(set) var expirations = 0

    mutating func put(_ name: String, port: Int) {
        version += 1
        let type = services[name] == nil ? "ADDED" : "MODIFIED"
        services[name] = (version, port)
        events.append(Event(version: version, type: type, object: serviceJSON(name, version: version, port: "\(port)")))
    }

    mutating func delete(_ name: String) {
        guard let old = services.removeValue(forKey: name) else { return }
        version += 1
        let object = serviceJSON(name, version: version, port: "\(old.port)")
        events.append(Event(version: version, type: "DELETED", object: object))
    }

    /// Something else in the cluster changes.
    mutating func pass() { version += 1 }

    /// Forgets all events: whoever is behind must list.
    mutating func compact() {
        forgotten = version
        events = []
    }

    struct Answer {
        var status = 200
        var body: String
        /// More may come later.
        var isOpen = false
        /// Where a watch that is open goes on.
        var version = 0
    }

    mutating func answer(_ request: APIRequest) -> Answer {
        guard request.isWatch else { return list(request) }
        if request["sendInitialEvents"] == "true" {
            guard streamsLists else { return Answer(status: 422, body: statusJSON(422, reason: "Invalid")) }
            lists += 1
            let body = sorted.map {
                eventJSON("ADDED", serviceJSON($0.key, version: $0.value.version, port: "\($0.value.port)"))
            }
            return Answer(body: body.joined() + bookmarkJSON(version, endsList: true), isOpen: true, version: version)
        }
        let start = request["resourceVersion"].flatMap { Int($0) } ?? 0
        guard start >= forgotten else {
            expirations += 1
            let status = statusJSON(
                410, reason: "Expired", message: "too old resource version: \(start) (\(forgotten))")
            return Answer(body: eventJSON("ERROR", status))
        }
        return Answer(body: happened(after: start), isOpen: true, version: version)
    }

    /// The events since a version, and a bookmark.
    func happened(after start: Int) -> String {
        events.filter { $0.version > start }.map { eventJSON($0.type, $0.object) }.joined() + bookmarkJSON(version)
    }

    private mutating func list(_ request: APIRequest) -> Answer {
        let start = request["continue"] ?? ""
        if start.isEmpty { lists += 1 }
        // The pages of these tests are small, and their state is the present one: nobody changes anything between them.
        let limit = request["limit"].flatMap { Int($0) }.map { min($0, 7) } ?? .max
        let rest = sorted.filter { $0.key > start }
        let items = rest.prefix(limit).map {
            serviceJSON($0.key, version: $0.value.version, port: "\($0.value.port)", kind: "")
        }
        let next = rest.count > limit ? rest[limit - 1].key : nil
        return Answer(body: listJSON(items, version: version, continuation: next))
    }

    private var sorted: [(key: String, value: (version: Int, port: Int))] { services.sorted { $0.key < $1.key } }
}
