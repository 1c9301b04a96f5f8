internal import AsyncHTTPClient
public import NIOCore

/// A request of somebody else, on its way to an API server.
public struct PassedRequest: Sendable {
    public var method: String
    /// Path below the server's own and query, both as they are sent.
    public var target: String
    /// Without `Host` and without what is between two neighbours only: `Connection`, `Content-Length` and so on.
    /// Credentials here count in place of the cluster's.
    public var headers: [(name: String, value: String)]
    /// Nil for none.
    public var body: Body?

    /// The body of a request, in pieces as they come. For one reader.
    public struct Body: Sendable {
        /// In bytes; nil if nobody knows.
        public var length: Int?
        let pieces: Pieces

        /// - Parameter next: the next piece; nil at the end. It is asked for when the server takes more, and has to throw
        ///   where its task is cancelled.
        public init(length: Int?, next: @escaping @Sendable () async throws -> ByteBuffer?) {
            self.length = length
            pieces = Pieces(read: next)
        }
    }

    struct Pieces: AsyncSequence, AsyncIteratorProtocol, Sendable {
        let read: @Sendable () async throws -> ByteBuffer?

        func makeAsyncIterator() -> Pieces { self }

        func next() async throws -> ByteBuffer? { try await read() }
    }

    public init(
        method: String, target: String, headers: [(name: String, value: String)] = [], body: Body? = nil
    ) {
        self.method = method
        self.target = target
        self.headers = headers
        self.body = body
    }

    /// Whether sending it twice does what sending it once does.
    var isRepeatable: Bool { body == nil && ["GET", "HEAD", "OPTIONS"].contains(method) }
}

/// The server's answer to a ``PassedRequest``.
public struct PassedAnswer: StatusBearing, Sendable {
    public var status: Int
    public var reason: String
    /// As they came, with those that are between two neighbours only.
    public var headers: [(name: String, value: String)]
    public var body: PassedBody
}

/// The body of an answer, in pieces as they come. The server is held back while nobody asks for the next. For one reader;
/// dropped before its end, it ends the request.
///
/// Unchecked, since the iterator is for one reader at a time.
public final class PassedBody: @unchecked Sendable {
    private var iterator: HTTPClientResponse.Body.AsyncIterator?
    private let failure: @Sendable (any Error) async -> APIError

    init(_ body: HTTPClientResponse.Body, failure: @escaping @Sendable (any Error) async -> APIError) {
        iterator = body.makeAsyncIterator()
        self.failure = failure
    }

    /// - Returns: nil at the end that the server has declared.
    /// - Throws: ``APIError`` if the answer broke off.
    public func next() async throws(APIError) -> ByteBuffer? {
        do {
            if let piece = try await iterator?.next() { return piece }
            // To a task that is cancelled, the end of its request looks like that of the body.
            try Task.checkCancellation()
            iterator = nil
            return nil
        } catch {
            iterator = nil
            throw await failure(error)
        }
    }
}
