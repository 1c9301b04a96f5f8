internal import Base
internal import NIOCore
internal import NIOHTTP1
internal import NIOPosix

/// Turns connections with an API server into other protocols: WebSocket, SPDY. Each has a connection of its own, made
/// directly or by a proxy, with the same credentials as other requests. No thread runs before the first request.
public final class UpgradeClient: Sendable {
    private let server: APIServer
    private let current = Guarded<(connector: Connector, route: ServerRoute)?>(nil)

    /// - Parameters:
    ///   - version: Portico's, which the server is told.
    ///   - environment: where the variables for proxies are, if the kubeconfig names none.
    public init(
        _ access: ClusterAccess, credentials: any CredentialSource, version: String, environment: [String: String]
    ) throws(APIError) {
        server = try APIServer(access, credentials: credentials, version: version, environment: environment)
    }

    /// How the server is called in messages.
    public var serverName: String { "\(server.access.server)" }

    /// Asks for an upgrade.
    ///
    /// - Parameter prepare: puts handlers in, on the connection's event loop, before a byte behind the head of the
    ///   answer is read. If it throws, the connection is closed.
    /// - Returns: what the server answers. A 401 has been tried once more if there were other credentials.
    /// - Throws: ``APIError`` if there is no answer, within about 35 s. A cancelled task closes the connection.
    public func send(
        _ request: UpgradeRequest, prepare: @escaping @Sendable (UpgradedConnection) throws -> Void
    ) async throws(APIError) -> UpgradeAnswer {
        // A server that refuses has done nothing, whatever the method.
        try await server.ask(mayRepeat: true) { credentials throws(APIError) in
            try await send(request, with: credentials, prepare: prepare)
        }
    }

    private func send(
        _ request: UpgradeRequest, with credentials: RequestCredentials?,
        prepare: @escaping @Sendable (UpgradedConnection) throws -> Void
    ) async throws(APIError) -> UpgradeAnswer {
        let head = try head(of: request, credentials)
        let (connector, route) = try way(with: credentials?.tls)
        do {
            let channel = try await connector.connect(in: upgradeEventLoops)
            return try await withTaskCancellationHandler {
                let answer = try await channel.eventLoop.flatSubmit {
                    UpgradeHandler.ask(head, on: channel, prepare: prepare)
                }.get()
                guard Task.isCancelled, case .upgraded(let connection) = answer else { return answer }
                connection.cut()
                throw CancellationError()
            } onCancel: {
                channel.eventLoop.execute { channel.cut() }
            }
        } catch {
            guard !Task.isCancelled else { throw .cancelled }
            throw await server.failure(error, on: route, afterHead: false)
        }
    }

    /// Made once for all connections with the same certificates: it takes longer than a connection.
    private func way(with tls: TLSMaterial?) throws(APIError) -> (connector: Connector, route: ServerRoute) {
        try current.withLock { current throws(APIError) in
            if let current, current.route.tls?.revision == tls?.revision { return current }
            let route = server.route(with: tls)
            let made = (connector: try Connector(route), route: route)
            current = made
            return made
        }
    }

    private func head(
        of request: UpgradeRequest, _ credentials: RequestCredentials?
    ) throws(APIError) -> HTTPRequestHead {
        var headers = HTTPHeaders(
            ([("Host", server.access.server.authority)] + request.headers
                + (credentials?.headers(beside: request.headers) ?? [])).map { ($0.name, $0.value) })
        if !headers.contains(name: "User-Agent") { headers.add(name: "User-Agent", value: server.userAgent) }
        if request.method != .get, !headers.contains(name: "Content-Length") {
            headers.add(name: "Content-Length", value: "0")
        }
        let target = server.access.server.path + request.target
        // A line feed would begin another header, or another request.
        guard target.utf8.allSatisfy({ $0 > 0x20 && $0 != 0x7F }),
            headers.allSatisfy({ !($0.name + $0.value).utf8.contains { $0 < 0x20 && $0 != 9 || $0 == 0x7F } })
        else { throw .broken("\(server.access.server): a request with characters that HTTP has no place for") }
        return HTTPRequestHead(
            version: .http1_1, method: HTTPMethod(rawValue: request.method.rawValue), uri: target, headers: headers)
    }
}

/// The threads for connections that are no HTTP any more. These carry as much as clients want, and so there are several,
/// but not the one for requests. They begin with the first upgrade.
let upgradeEventLoops = MultiThreadedEventLoopGroup(numberOfThreads: min(4, System.coreCount))
