internal import Base

/// An event as it is sent to an API server: an object of `events.k8s.io/v1`.
struct EventRequest {
    /// Whom events are from.
    static let controller = "portico"
    /// The longest that an API server takes, in bytes.
    private static let longestNote = 1_024
    private static let longestInstance = 128
    private static let longestName = 253

    let event: ClusterEvent
    let time: EventTime
    /// The node of this process.
    let node: String

    /// Events of objects that are in no namespace are in this one.
    private var namespace: String { event.regarding.namespace.isEmpty ? "default" : event.regarding.namespace }

    /// What is so for all nodes has the same name wherever it is found, so that the first one counts; everything else
    /// has a name of its own.
    private var name: String {
        let number =
            event.isOfCluster
            ? StableHash.of("\(event.regarding.uid ?? "") \(event.reason) \(event.note)")
            : UInt64(clamping: time.nanoseconds)
        let end = ".\(String(number, radix: 16))"
        return event.regarding.name.prefix(Self.longestName - end.utf8.count) + end
    }

    var request: APIRequest {
        var request = APIRequest(.post, "/apis/events.k8s.io/v1/namespaces/\(namespace)/events")
        request.contentType = "application/json"
        request.body = Array(body.utf8)
        request.patience = .seconds(10)
        return request
    }

    private var body: String {
        let metadata = [("name", name), ("namespace", namespace)]
        var regarding = [("apiVersion", "v1"), ("kind", event.regarding.kind), ("name", event.regarding.name)]
        if !event.regarding.namespace.isEmpty { regarding.append(("namespace", event.regarding.namespace)) }
        if let uid = event.regarding.uid { regarding.append(("uid", uid)) }
        let fields = [
            ("apiVersion", "events.k8s.io/v1"), ("kind", "Event"), ("eventTime", time.text),
            ("type", event.kind.rawValue), ("reason", event.reason), ("action", event.action),
            ("note", event.note.cut(to: Self.longestNote)), ("reportingController", Self.controller),
            ("reportingInstance", "\(Self.controller)-\(node)".cut(to: Self.longestInstance)),
        ]
        let objects = [("metadata", Self.object(metadata)), ("regarding", Self.object(regarding))]
            .map { "\($0.quotedAsJSON):\($1)" }
        return Self.object(fields).dropLast() + "," + objects.joined(separator: ",") + "}"
    }

    // MARK: - JSON

    private static func object(_ pairs: [(String, String)]) -> String {
        "{" + pairs.map { "\($0.quotedAsJSON):\($1.quotedAsJSON)" }.joined(separator: ",") + "}"
    }
}

extension String {
    /// At most so many bytes of it, in whole characters.
    fileprivate func cut(to count: Int) -> String {
        guard utf8.count > count else { return self }
        let mark = "…"
        var start = self[...]
        while start.utf8.count > count - mark.utf8.count { start.removeLast() }
        return start + mark
    }
}
