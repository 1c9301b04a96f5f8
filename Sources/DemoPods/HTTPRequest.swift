/// A complete request, as far as a demo pod looks at it.
struct HTTPRequest: Equatable {
    var method: String
    /// Without the query.
    var path: String
    var body: [UInt8] = []
    /// HTTP/1.1 or a later 1.x, where connections persist unless somebody says otherwise.
    var isPersistentByDefault: Bool
    /// The client's wish in the `Connection` header, if it has one.
    var wantsToPersist: Bool?

    /// Whether another request may follow on the connection.
    var persists: Bool { wantsToPersist ?? isPersistentByDefault }
}

/// The statuses that a demo pod answers with.
enum HTTPStatus: Int {
    case ok = 200
    case badRequest = 400
    case notFound = 404
    case methodNotAllowed = 405
    case lengthRequired = 411
    case contentTooLarge = 413
    case headerFieldsTooLarge = 431
    case versionNotSupported = 505

    var reason: String {
        switch self {
        case .ok: "OK"
        case .badRequest: "Bad Request"
        case .notFound: "Not Found"
        case .methodNotAllowed: "Method Not Allowed"
        case .lengthRequired: "Length Required"
        case .contentTooLarge: "Content Too Large"
        case .headerFieldsTooLarge: "Request Header Fields Too Large"
        case .versionNotSupported: "HTTP Version Not Supported"
        }
    }
}
