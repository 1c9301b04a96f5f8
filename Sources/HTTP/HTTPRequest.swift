/// A complete request, as far as the servers of this project look at it.
public struct HTTPRequest: Equatable, Sendable {
    public var method: String
    /// Without the query, and without the server if the client named it too.
    public var path: String
    public var body: [UInt8]
    /// HTTP/1.1 or a later 1.x, where connections persist unless somebody says otherwise.
    public var isPersistentByDefault: Bool
    /// The client's wish in the `Connection` header, if it has one.
    public var wantsToPersist: Bool?

    public init(
        method: String, path: String, body: [UInt8] = [], isPersistentByDefault: Bool, wantsToPersist: Bool? = nil
    ) {
        self.method = method
        self.path = path
        self.body = body
        self.isPersistentByDefault = isPersistentByDefault
        self.wantsToPersist = wantsToPersist
    }

    /// Whether another request may follow on the connection.
    public var persists: Bool { wantsToPersist ?? isPersistentByDefault }
}

/// The statuses that are answered with.
public enum HTTPStatus: Int, Sendable {
    case ok = 200
    case badRequest = 400
    case notFound = 404
    case methodNotAllowed = 405
    case lengthRequired = 411
    case contentTooLarge = 413
    case headerFieldsTooLarge = 431
    case serviceUnavailable = 503
    case versionNotSupported = 505

    public var reason: String {
        switch self {
        case .ok: "OK"
        case .badRequest: "Bad Request"
        case .notFound: "Not Found"
        case .methodNotAllowed: "Method Not Allowed"
        case .lengthRequired: "Length Required"
        case .contentTooLarge: "Content Too Large"
        case .headerFieldsTooLarge: "Request Header Fields Too Large"
        case .serviceUnavailable: "Service Unavailable"
        case .versionNotSupported: "HTTP Version Not Supported"
        }
    }
}
