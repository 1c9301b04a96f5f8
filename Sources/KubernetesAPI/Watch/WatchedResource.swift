internal import Objects

/// A kind of objects at an API server, and which of them are wanted. The server filters: what is not wanted never
/// comes.
struct WatchedResource: Hashable, Sendable {
    let kind: ObjectKind
    /// Nil for all.
    var namespace: String?
    var labelSelector: String?
    var fieldSelector: String?

    init(_ kind: ObjectKind, namespace: String? = nil, labelSelector: String? = nil, fieldSelector: String? = nil) {
        self.kind = kind
        self.namespace = kind.isNamespaced ? namespace : nil
        self.labelSelector = labelSelector
        self.fieldSelector = fieldSelector
    }

    /// As permissions name it: `services`, `endpointslices.discovery.k8s.io`.
    var permissionName: String { group.isEmpty ? plural : "\(plural).\(group)" }

    /// For messages: `Services`.
    var title: String { kind == .endpoints ? kind.rawValue : kind.rawValue + "s" }

    /// For messages: `in namespace web`; empty for what is in no namespace.
    var place: String {
        guard kind.isNamespaced else { return "" }
        return namespace.map { " in namespace \($0)" } ?? " in all namespaces"
    }

    /// What the server calls a list of them.
    var listKind: String { kind.rawValue + "List" }

    /// As paths name it: `endpointslices`.
    var plural: String { title.lowercased() }

    private var group: String {
        kind.apiVersion.contains("/") ? String(kind.apiVersion.prefix { $0 != "/" }) : ""
    }

    var path: String {
        let root = group.isEmpty ? "/api/" : "/apis/"
        return root + kind.apiVersion + (namespace.map { "/namespaces/\($0)" } ?? "") + "/\(plural)"
    }
}

// MARK: - Requests

extension WatchedResource {
    /// - Parameters:
    ///   - version: at least as new; empty for what there is now, `0` for whatever the server has at hand.
    ///   - limit: how many at a time; nil for all.
    ///   - continuation: what the server gave with the page before.
    func list(version: String, limit: Int?, continuation: String? = nil) -> APIRequest {
        var query = selectors
        if let limit { query.append(.init("limit", "\(limit)")) }
        // A page is of the same state as the first one, so it names no version.
        if let continuation {
            query.append(.init("continue", continuation))
        } else if !version.isEmpty {
            query.append(.init("resourceVersion", version))
        }
        return request(query, patience: Self.patience)
    }

    /// Everything after a version.
    func watch(after version: String, seconds: Int) -> APIRequest {
        request(
            selectors + watching(seconds) + [.init("resourceVersion", version)], patience: Self.patienceOfWatches)
    }

    /// All that there is, as if it had been made just now, and then everything that comes after it.
    func stream(version: String, seconds: Int) -> APIRequest {
        let whole = [
            APIRequest.QueryItem("sendInitialEvents", "true"), .init("resourceVersionMatch", "NotOlderThan"),
        ]
        let least = version.isEmpty || version == "0" ? [] : [APIRequest.QueryItem("resourceVersion", version)]
        return request(selectors + watching(seconds) + whole + least, patience: Self.patienceOfWatches)
    }

    /// How long the server may be silent before its answer, and within it.
    static let patience = Duration.seconds(60)
    /// A connection may be dead without anybody having said so: a machine that was switched off, a firewall that forgot
    /// it. A watch would then be silent for ever. Servers send a bookmark every minute; where one does not, a watch
    /// that is begun anew costs little.
    static let patienceOfWatches = Duration.seconds(150)

    /// How long a list may take, or a page of one.
    static let longestList = Duration.seconds(600)

    private func request(_ query: [APIRequest.QueryItem], patience: Duration) -> APIRequest {
        var request = APIRequest(.get, path, query: query)
        request.patience = patience
        return request
    }

    private func watching(_ seconds: Int) -> [APIRequest.QueryItem] {
        [.init("watch", "true"), .init("allowWatchBookmarks", "true"), .init("timeoutSeconds", "\(seconds)")]
    }

    private var selectors: [APIRequest.QueryItem] {
        [("labelSelector", labelSelector), ("fieldSelector", fieldSelector)].compactMap { name, value in
            value.flatMap { $0.isEmpty ? nil : APIRequest.QueryItem(name, $0) }
        }
    }
}
