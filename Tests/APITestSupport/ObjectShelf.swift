internal import TestSupport

/// The objects of one kind as an API server has them: listed whole or in pages, and watched from any version that its history
/// still has. Selectors and whatever else a request asks for are ignored.
///
///     let services = ObjectShelf("v1", "Service", at: "/api/v1/services")
///     services.put("shop/web") { version in #"{"metadata":{"name":"web",…,"resourceVersion":"\#(version)"},…}"# }
///     server.serve(services)
public final class ObjectShelf: Sendable {
    public let path: String
    private let apiVersion: String
    private let kind: String
    private let state = Locked(ShelfState())

    /// - Parameter firstVersion: of the collection while it is empty.
    public init(_ apiVersion: String, _ kind: String, at path: String, firstVersion: Int = 100) {
        (self.apiVersion, self.kind, self.path) = (apiVersion, kind, path)
        state.withLock { ($0.version, $0.oldest) = (firstVersion, firstVersion) }
    }

    /// Whether a watch may begin with all that is there (`sendInitialEvents`); else it is refused as unknown servers do.
    public var streamsLists: Bool {
        get { state.withLock { $0.streamsLists } }
        set { state.withLock { $0.streamsLists = newValue } }
    }

    /// The version of the last change.
    public var version: Int { state.withLock { $0.version } }

    /// How many lists were asked for, pages that follow another not counted.
    public var lists: Int { state.withLock { $0.lists } }

    /// How many watches have begun, those included that were told that it is too late.
    public var watches: Int { state.withLock { $0.watches } }

    /// How many watches are open.
    public var openWatches: Int { state.withLock { $0.openWatches } }

    /// Adds an object or puts another in its place.
    ///
    /// - Parameter make: its JSON on one line, with this `resourceVersion`.
    public func put(_ key: String, _ make: (_ version: String) -> String) {
        state.withLock { state in
            state.version += 1
            let object = make("\(state.version)")
            let type = state.objects.updateValue(object, forKey: key) == nil ? "ADDED" : "MODIFIED"
            state.history.append(ShelfEvent(version: state.version, type: type, object: object))
        }
    }

    public func remove(_ key: String) {
        state.withLock { state in
            guard let object = state.objects.removeValue(forKey: key) else { return }
            state.version += 1
            state.history.append(ShelfEvent(version: state.version, type: "DELETED", object: object))
        }
    }

    /// Forgets all that has been: watches from earlier versions, and pages of earlier lists, are answered with 410.
    public func cutHistory() {
        state.withLock { state in
            state.version += 1
            state.oldest = state.version
            state.history = []
            state.pages = [:]
        }
    }

    /// Tells watches that asked for bookmarks how far they are.
    public func bookmark() {
        state.withLock { state in
            state.history.append(ShelfEvent(version: state.version, type: "BOOKMARK", object: bookmark(state.version)))
        }
    }

    /// Ends the open watches in order, as a server does after their time.
    public func endWatches() { state.withLock { $0.generation += 1 } }

    private func bookmark(_ version: Int, annotations: String = "") -> String {
        #"{"kind":"\#(kind)","apiVersion":"\#(apiVersion)","metadata":{"resourceVersion":"\#(version)"\#(annotations)}}"#
    }

    // MARK: - Answers

    func answer(_ request: ReceivedRequest, _ reply: Reply) async throws {
        let query = request.query
        if ["true", "1"].contains(query["watch"] ?? "") {
            try await watch(query, reply)
        } else {
            try await list(query).run(request, reply)
        }
    }

    private func list(_ query: [String: String]) -> Script {
        state.withLock { state -> Script in
            var items: ArraySlice<String>
            var version = state.version
            if let token = query["continue"] {
                guard let page = state.pages[token] else { return .status(410, reason: "Expired", message: "too old") }
                (items, version) = (page.items[...], page.version)
            } else {
                state.lists += 1
                items = state.objects.sorted { $0.key < $1.key }.map(\.value)[...]
            }
            var metadata = #""resourceVersion":"\#(version)""#
            if let limit = query["limit"].flatMap(Int.init), limit > 0, items.count > limit {
                let token = "page-\(state.pages.count)-\(version)"
                state.pages[token] = ShelfPage(version: version, items: Array(items.dropFirst(limit)))
                metadata += #","continue":"\#(token)","remainingItemCount":\#(items.count - limit)"#
                items = items.prefix(limit)
            }
            return .answer(
                200,
                #"{"kind":"\#(kind)List","apiVersion":"\#(apiVersion)","metadata":{\#(metadata)},"#
                    + #""items":[\#(items.joined(separator: ","))]}"#)
        }
    }

    private func watch(_ query: [String: String], _ reply: Reply) async throws {
        let (from, generation) = state.withLock { state in
            state.watches += 1
            state.openWatches += 1
            return (query["resourceVersion"].flatMap(Int.init) ?? 0, state.generation)
        }
        defer { state.withLock { $0.openWatches -= 1 } }
        var reached = from
        if query["sendInitialEvents"] == "true" {
            guard streamsLists else {
                return try await Script.status(422, reason: "Invalid", message: "sendInitialEvents: Forbidden")
                    .run(Self.nobody, reply)
            }
            try await reply.head(200)
            let (objects, version) = state.withLock { ($0.objects.sorted { $0.key < $1.key }.map(\.value), $0.version) }
            for object in objects { try await reply.write(line("ADDED", object)) }
            let end = #","annotations":{"k8s.io/initial-events-end":"true"}"#
            try await reply.write(line("BOOKMARK", bookmark(version, annotations: end)))
            reached = version
        } else {
            try await reply.head(200)
            if from == 0 { reached = version }
        }
        var next = state.withLock { $0.history.firstIndex { $0.version > reached } ?? $0.history.count }
        while !Task.isCancelled {
            let step: ShelfStep = state.withLock { state in
                if reached < state.oldest { return .gone }
                if state.generation != generation { return .end }
                next = min(next, state.history.count)
                defer { next = state.history.count }
                return .events(Array(state.history[next...]))
            }
            switch step {
            case .gone:
                let status =
                    #"{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure","#
                    + #""message":"too old resource version: \#(reached)","reason":"Expired","code":410}"#
                try await reply.write(line("ERROR", status))
                return try await reply.end()
            case .end: return try await reply.end()
            case .events(let events):
                for event in events where event.type != "BOOKMARK" || query["allowWatchBookmarks"] == "true" {
                    try await reply.write(line(event.type, event.object))
                }
                reached = events.last?.version ?? reached
                // Looking again every moment is dumb, and enough for a test.
                if events.isEmpty { try await Task.sleep(for: .milliseconds(1)) }
            }
        }
    }

    private func line(_ type: String, _ object: String) -> String { #"{"type":"\#(type)","object":\#(object)}"# + "\n" }

    private static let nobody = ReceivedRequest(
        method: "GET", target: "/", headers: [], body: [], isHTTP2: false, connection: 0)
}

extension ScriptedAPIServer {
    /// Answers lists and watches of these objects.
    ///
    /// - Parameter query: what requests for them have among others.
    public func serve(_ shelf: ObjectShelf, query: [String: String] = [:]) {
        on("GET", shelf.path, query: query) { request, reply in try await shelf.answer(request, reply) }
    }
}

private struct ShelfState {
    var version = 0
    /// The earliest version that a watch can begin at.
    var oldest = 0
    var objects: [String: String] = [:]
    var history: [ShelfEvent] = []
    var pages: [String: ShelfPage] = [:]
    var streamsLists = false
    var generation = 0
    var lists = 0
    var watches = 0
    var openWatches = 0
}

private struct ShelfEvent {
    var version: Int
    var type: String
    var object: String
}

private struct ShelfPage {
    var version: Int
    var items: [String]
}

private enum ShelfStep {
    case gone
    case end
    case events([ShelfEvent])
}
