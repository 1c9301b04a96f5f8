internal import AsyncHTTPClient
internal import Base
internal import NIOCore
internal import NIOHTTP1

/// Passes requests of others on to an API server, with its credentials, and its answers back: nothing in them is read,
/// followed, unpacked or repeated but what is said here.
///
/// Each request has a connection of HTTP/1.1 to itself for as long as it lasts, so that whoever reads slowly holds back
/// the server for himself alone. No thread runs before the first request.
public final class APIPassage: Sendable {
    private let server: APIServer
    private let current = Guarded<APIConnections?>(nil)

    /// - Parameters:
    ///   - version: Portico's, which plug-ins and servers are told.
    ///   - environment: where the variables for proxies are, if the kubeconfig names none.
    public init(
        _ access: ClusterAccess, credentials: any CredentialSource, version: String, environment: [String: String]
    ) throws(APIError) {
        server = try APIServer(access, credentials: credentials, version: version, environment: environment)
    }

    /// - Returns: the answer as soon as its head is there. A 401 to a request without body has been tried once more if
    ///   there were other credentials, and so has one that met a connection which the server was about to close.
    /// - Throws: ``APIError`` if there is no answer. A cancelled task ends the request.
    public func send(_ request: PassedRequest) async throws(APIError) -> PassedAnswer {
        try await server.ask(mayRepeat: request.body == nil) { credentials throws(APIError) in
            do throws(APIError) {
                return try await send(request, with: credentials)
            } catch .broken where request.isRepeatable {
                return try await send(request, with: credentials)
            }
        }
    }

    private func send(
        _ request: PassedRequest, with credentials: RequestCredentials?
    ) async throws(APIError) -> PassedAnswer {
        let connections = try connections(for: credentials?.tls)
        do {
            let answer = try await connections.http.execute(message(request, credentials), deadline: .distantFuture)
            let body = PassedBody(answer.body) { error in
                Task.isCancelled ? .cancelled : await self.server.failure(error, on: connections.route, afterHead: true)
            }
            return PassedAnswer(
                status: Int(answer.status.code), reason: answer.status.reasonPhrase,
                headers: answer.headers.map { ($0.name, $0.value) }, body: body)
        } catch {
            guard !Task.isCancelled else { throw .cancelled }
            throw await server.failure(error, on: connections.route, afterHead: false)
        }
    }

    private func message(_ request: PassedRequest, _ credentials: RequestCredentials?) -> HTTPClientRequest {
        let place = server.access.server
        var message = HTTPClientRequest(url: server.route(with: nil).url + place.path + request.target)
        message.method = HTTPMethod(rawValue: request.method)
        message.headers = HTTPHeaders(
            ([("Host", place.authority)] + request.headers + (credentials?.headers(beside: request.headers) ?? []))
                .map { ($0.name, $0.value) })
        if let body = request.body {
            message.body = .stream(body.pieces, length: body.length.map { .known(Int64($0)) } ?? .unknown)
        }
        return message
    }

    private func connections(for tls: TLSMaterial?) throws(APIError) -> APIConnections {
        try current.withLock { current throws(APIError) in
            if let current, current.revision == tls?.revision { return current }
            let made = try APIConnections(server.route(with: tls), revision: tls?.revision, for: .passing)
            current = made
            return made
        }
    }
}
