import APITestSupport
import Base
import Cluster
import Objects
import TestSupport

@testable import KubernetesAPI

/// Drives a reflector as a source does, with answers and times that a test gives.
struct Rig {
    var reflector: Reflector
    var now = Duration.zero
    /// What has been told, put together; nil for what is gone.
    var objects: [ObjectID: ClusterObject?] = [:]
    /// How many changes were told last.
    var changes = 0
    /// How long the reflector has waited before its last request.
    var waited = Duration.zero

    init(
        _ resources: [WatchedResource] = [WatchedResource(.service)], takesWhatIsAllowed: Bool = false,
        mayStream: Bool = false, seed: UInt64 = 1
    ) {
        reflector = Reflector(resources, takesWhatIsAllowed: takesWhatIsAllowed, random: SeededRandom(seed))
        reflector.mayStream = mayStream
    }

    /// The next request, after all waiting before it.
    mutating func ask() -> APIRequest {
        waited = .zero
        while true {
            switch reflector.next(at: now) {
            case .wait(let duration):
                waited += duration
                now += duration
            case .send(let request): return request
            }
        }
    }

    enum Ending {
        case declared
        case broken
        case none
    }

    /// Gives an answer to the request that was asked last.
    ///
    /// - Parameter piece: in how large pieces the body comes.
    mutating func answer(
        _ status: Int, retryAfter: String? = nil, _ body: some Sequence<UInt8>, piece: Int = .max,
        _ ending: Ending = .declared
    ) {
        reflector.begin(status: status, retryAfter: retryAfter, at: now)
        feed(Array(body), piece: piece, ending)
    }

    mutating func answer(_ body: some Sequence<UInt8>, piece: Int = .max, _ ending: Ending = .declared) {
        answer(200, body, piece: piece, ending)
    }

    mutating func answer(_ recording: RecordedAnswer, piece: Int = .max, _ ending: Ending = .declared) {
        answer(recording.status, retryAfter: recording.header("retry-after"), recording.body, piece: piece, ending)
    }

    /// More of the answer's body.
    mutating func more(_ body: some Sequence<UInt8>, _ ending: Ending = .none) {
        feed(Array(body), piece: .max, ending)
    }

    private mutating func feed(_ body: [UInt8], piece: Int, _ ending: Ending) {
        defer { take() }
        var rest = body[...]
        while !rest.isEmpty {
            guard reflector.receive(Array(rest.prefix(piece)), at: now) else { return }
            rest = rest.dropFirst(piece)
        }
        switch ending {
        case .declared: reflector.end(at: now)
        case .broken: reflector.fail(.broken("it broke off"), at: now)
        case .none: break
        }
    }

    mutating func take() {
        let told = reflector.ledger.takeChanges()
        changes = told.objects.count
        for (id, object) in told.objects { objects[id] = .some(object) }
    }

    var names: [String] { objects.keys.map(\.key.name).sorted() }
    var outage: String? { reflector.outage?.isWorthTelling == true ? reflector.outage?.text : nil }
}

extension APIRequest {
    /// `GET /api/v1/services?resourceVersion=0&limit=500`.
    var line: String { "\(method.rawValue) \(path)" + (query.isEmpty ? "" : "?") + queryText }

    var queryText: String { query.map { "\($0.name)=\($0.value)" }.joined(separator: "&") }

    subscript(name: String) -> String? { query.first { $0.name == name }?.value }

    var isWatch: Bool { self["watch"] == "true" }
}

// MARK: - Texts of a server

func serviceJSON(_ name: String, version: Int, port: String = "80", kind: String = "\"kind\":\"Service\",") -> String {
    """
    {\(kind)"metadata":{"name":"\(name)","namespace":"default","resourceVersion":"\(version)","unknown":{"a":["]}"]}},\
    "spec":{"clusterIP":"10.96.0.1","clusterIPs":["10.96.0.1"],"ports":[{"port":\(port)}]}}
    """
}

func eventJSON(_ type: String, _ object: String) -> String { "{\"type\":\"\(type)\",\"object\":\(object)}\n" }

func bookmarkJSON(_ version: Int, endsList: Bool = false) -> String {
    let annotations = endsList ? ",\"annotations\":{\"k8s.io/initial-events-end\":\"true\"}" : ""
    return eventJSON(
        "BOOKMARK", "{\"kind\":\"Service\",\"metadata\":{\"resourceVersion\":\"\(version)\"\(annotations)}}")
}

func listJSON(_ items: [String], version: Int, continuation: String? = nil, kind: String = "ServiceList") -> String {
    let more = continuation.map { ",\"continue\":\"\($0)\"" } ?? ""
    return """
        {"kind":"\(kind)","apiVersion":"v1","metadata":{"resourceVersion":"\(version)"\(more)},\
        "items":[\(items.joined(separator: ","))]}
        """
}

func statusJSON(_ code: Int, reason: String = "", message: String = "", cause: String? = nil) -> String {
    let details = cause.map { ",\"details\":{\"causes\":[{\"reason\":\"\($0)\"}]}" } ?? ""
    return """
        {"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","message":"\(message)","reason":"\(reason)"\
        \(details),"code":\(code)}
        """
}

extension Rig {
    /// A Service, as lists have it.
    static let web = serviceJSON("web", version: 5, kind: "")

    /// A reflector that has listed that Service, and has asked for its watch.
    static func watching() -> Rig {
        var rig = Rig()
        _ = rig.ask()
        rig.answer(listJSON([web], version: 9).utf8)
        _ = rig.ask()
        return rig
    }
}
