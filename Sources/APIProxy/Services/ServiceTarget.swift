/// What a path such as `/api/v1/namespaces/shop/services/https:web:443/proxy/a` asks for. The short form
/// `/services/web/proxy/a`, or `/services/shop/web:443/proxy/a`, means the same.
struct ServiceTarget: Hashable {
    let namespace: String
    /// As it stands in the path, decoded: `https:web:443`.
    let id: String
    /// Nil if the id is none.
    let reference: Reference?
    /// Up to `/proxy`, as the client sent it.
    let prefix: String
    /// Behind that, with a slash in front; empty if there is nothing.
    let rest: String
    let query: String

    struct Reference: Hashable {
        var service: String
        var port: RequestedPort?
        var isSecure: Bool
    }

    /// - Parameters:
    ///   - namespace: that of the short form, if it names none.
    ///   - prefix: that stands before `path` in what the client sent.
    /// - Returns: nil for any other path.
    init?(_ path: RequestPath, namespace: String, prefix: String) {
        let parts = path.encoded.dropFirst().split(separator: "/", omittingEmptySubsequences: false)
        let count: Int
        switch true {
        case path.encoded.hasPrefix("/api/v1/namespaces/"):
            guard parts.count >= 7, parts[4] == "services", parts[6] == "proxy" else { return nil }
            count = 7
        case path.encoded.hasPrefix("/services/"):
            if parts.count >= 3, parts[2] == "proxy" {
                count = 3
            } else if parts.count >= 4, parts[3] == "proxy" {
                count = 4
            } else {
                return nil
            }
        default: return nil
        }
        func decoded(_ part: Substring) -> String? {
            RequestPath(target: "/" + part).map { String($0.decoded.dropFirst()) }
        }
        guard let id = decoded(parts[count - 2]),
            let space = count == 3 ? namespace : decoded(parts[count - (count == 7 ? 4 : 3)]), !space.isEmpty
        else { return nil }
        let head = "/" + parts.prefix(count).joined(separator: "/")
        self.namespace = space
        self.id = id
        reference = Self.reference(id)
        self.prefix = prefix + head
        rest = String(path.encoded.dropFirst(head.count))
        query = path.query
    }

    /// The name that the API server has for the same.
    var longForm: RequestPath? {
        RequestPath(target: "/api/v1/namespaces/\(namespace)/services/\(id)/proxy" + rest + query)
    }

    private static func reference(_ id: String) -> Reference? {
        let parts = id.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
        let (scheme, name, port): (String, String, String)
        switch parts.count {
        case 1: (scheme, name, port) = ("", parts[0], "")
        case 2: (scheme, name, port) = ("", parts[0], parts[1])
        case 3: (scheme, name, port) = (parts[0], parts[1], parts[2])
        default: return nil
        }
        guard ["", "http", "https"].contains(scheme), !name.isEmpty else { return nil }
        let named: RequestedPort? = port.isEmpty ? nil : UInt16(port).map { .number($0) } ?? .name(port)
        return Reference(service: name, port: named, isSecure: scheme == "https")
    }
}
