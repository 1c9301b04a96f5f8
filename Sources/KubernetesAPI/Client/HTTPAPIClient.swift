internal import AsyncHTTPClient
internal import Base
internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTP2

/// Sends requests to an API server by HTTP/2 or HTTP/1.1, directly or by a proxy.
///
/// Connections are made when they are needed and kept for the next request. When certificates change, new requests go
/// by new connections, and the old ones close with the last request that they carry. No thread runs before the first
/// request.
public final class HTTPAPIClient: APIClient {
    private let server: APIServer
    private let clock: any Clock<Duration>
    private let current = Guarded<APIConnections?>(nil)

    /// - Parameters:
    ///   - version: Portico's, which the server is told.
    ///   - environment: where the variables for proxies are, if the kubeconfig names none.
    ///   - clock: by which the patience of requests is measured.
    public init(
        _ access: ClusterAccess, credentials: any CredentialSource, version: String, environment: [String: String],
        clock: any Clock<Duration> = ContinuousClock()
    ) throws(APIError) {
        server = try APIServer(access, credentials: credentials, version: version, environment: environment)
        self.clock = clock
    }

    public func send(_ request: APIRequest) async throws(APIError) -> APIResponse {
        try await server.ask(mayRepeat: request.method.isIdempotent) { credentials throws(APIError) in
            try await send(request, with: credentials)
        }
    }

    private func send(
        _ request: APIRequest, with credentials: RequestCredentials?
    ) async throws(APIError) -> APIResponse {
        let connections = try connections(for: credentials?.tls)
        let message = message(request, credentials)
        // From here on the server has the word: what credentials take is for those who give them to limit.
        let watchdog = Watchdog(request.patience, clock)
        do {
            let response = try await watchdog.watch {
                // The time that matters is that without a byte, which is measured here; there is none for all of an
                // answer.
                try await Self.execute(message, connections, mayRepeat: request.method.isIdempotent)
            }
            let body = ResponseBody(response.body, watchdog) { error in
                await self.failure(error, connections, afterHead: true)
            }
            return APIResponse(
                status: Int(response.status.code),
                headers: response.headers.map { ($0.name.lowercased(), $0.value) }, body: APIBody(body.next))
        } catch {
            throw await failure(error, connections, afterHead: false)
        }
    }

    /// A server that is about to close a connection says so, and which requests it has not looked at, having crossed
    /// that word. Those go once more, on another connection; as it can happen there, too, where each of several
    /// requests has its connection closed, a few times.
    private static func execute(
        _ message: HTTPClientRequest, _ connections: APIConnections, mayRepeat: Bool
    ) async throws -> HTTPClientResponse {
        for _ in 1..<mostAttempts {
            do {
                return try await connections.http.execute(message, deadline: .distantFuture)
            } catch let error as NIOHTTP2Errors.StreamClosed where mayRepeat && error.mayBeUnseen {
                continue
            }
        }
        return try await connections.http.execute(message, deadline: .distantFuture)
    }

    /// Each attempt of one that a closing connection left out meets another connection; so many in a row that close are
    /// no accident.
    private static let mostAttempts = 5

    private func message(_ request: APIRequest, _ credentials: RequestCredentials?) -> HTTPClientRequest {
        var message = HTTPClientRequest(url: urlPrefix + request.target(below: server.access.server))
        message.method = HTTPMethod(rawValue: request.method.rawValue)
        message.headers = HTTPHeaders(
            [
                ("Host", server.access.server.authority), ("User-Agent", server.userAgent), ("Accept", request.accept),
                // A server could hold back the lines of a watch to compress more of them at once.
                ("Accept-Encoding", request.isWatch || server.access.disablesCompression ? "identity" : "gzip"),
            ] + (credentials?.headers ?? []).map { ($0.name, $0.value) })
        if let type = request.contentType { message.headers.add(name: "Content-Type", value: type) }
        if let body = request.body { message.body = .bytes(ByteBuffer(bytes: body)) }
        return message
    }

    // MARK: - Connections

    /// Those made with these certificates: the ones that are there, or new ones.
    private func connections(for tls: TLSMaterial?) throws(APIError) -> APIConnections {
        try current.withLock { current throws(APIError) in
            if let current, current.revision == tls?.revision { return current }
            let made = try APIConnections(server.route(with: tls), revision: tls?.revision)
            current = made
            return made
        }
    }

    /// Where the HTTP client is to connect to, as it is told.
    private var urlPrefix: String { server.route(with: nil).url }

    /// What to say of an error of the HTTP client. Connections on which the server was silent are given up: HTTP/2
    /// would put the next request on the same one, dead or not.
    private func failure(_ error: any Error, _ connections: APIConnections, afterHead: Bool) async -> APIError {
        let failure = await server.failure(error, on: connections.route, afterHead: afterHead)
        if case .silent = failure { current.withLock { if $0 === connections { $0 = nil } } }
        return failure
    }
}

extension APIRequest.Method {
    /// Whether sending it twice does what sending it once does.
    var isIdempotent: Bool {
        switch self {
        case .get, .put, .delete: true
        case .post, .patch: false
        }
    }
}

extension NIOHTTP2Errors.StreamClosed {
    /// The library makes `cancel` of what the server's GOAWAY leaves out.
    fileprivate var mayBeUnseen: Bool { errorCode == .cancel || errorCode == .refusedStream }
}
