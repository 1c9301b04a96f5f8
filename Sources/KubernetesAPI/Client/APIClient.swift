/// Sends requests to one API server, with its credentials. Redirects are answers like any other, never followed: where
/// they lead has no claim to the credentials.
public protocol APIClient: Sendable {
    /// - Returns: the answer as soon as its head is there, whatever its status.
    /// - Throws: ``APIError`` if there is no answer. A cancelled task ends the request.
    func send(_ request: APIRequest) async throws(APIError) -> APIResponse
}

/// An answer of which the head is there.
public struct APIResponse: Sendable {
    public var status: Int
    /// Names in lower case.
    public var headers: [(name: String, value: String)]
    public var body: APIBody

    public init(status: Int, headers: [(name: String, value: String)] = [], body: APIBody) {
        self.status = status
        self.headers = headers
        self.body = body
    }

    /// The first value of a header.
    ///
    /// - Parameter name: in lower case.
    public func header(_ name: String) -> String? { headers.first { $0.name == name }?.value }
}

/// The bytes of an answer, in pieces as they come. The server is held back while nobody asks for the next. For one
/// reader.
public struct APIBody: AsyncSequence, AsyncIteratorProtocol, Sendable {
    private let read: @Sendable () async throws(APIError) -> [UInt8]?

    /// - Parameter read: the next piece, never empty; nil at the end that the server has declared. A body that ends
    ///   otherwise throws.
    public init(_ read: @escaping @Sendable () async throws(APIError) -> [UInt8]?) { self.read = read }

    public func makeAsyncIterator() -> APIBody { self }

    public func next() async throws(APIError) -> [UInt8]? { try await read() }

    public func next(isolation actor: isolated (any Actor)?) async throws(APIError) -> [UInt8]? { try await read() }
}

/// Why there is no answer, or no more of it. The texts are for people, and name the server.
public enum APIError: Error, Hashable, Sendable, CustomStringConvertible {
    /// No connection came about: nobody listens, no route, a name that is not known, TLS refused.
    case unreachable(String)
    /// The server was silent for longer than it may be.
    case silent(String)
    /// The answer broke off, or is not what was agreed.
    case broken(String)
    /// There are no credentials to send: a file that cannot be read, a plug-in that failed.
    case credentials(String)
    /// More than there is room for.
    case tooLarge(String)
    case cancelled

    public var description: String {
        switch self {
        case .unreachable(let text), .silent(let text), .broken(let text), .credentials(let text), .tooLarge(let text):
            text
        case .cancelled: "cancelled"
        }
    }
}
