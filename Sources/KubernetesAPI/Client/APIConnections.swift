internal import AsyncHTTPClient
internal import NIOCore
internal import NIOHTTPCompression
internal import NIOPosix

/// The connections that were made with one set of certificates. They are held by the client until there are others, and
/// by each request until its end; when nobody holds them any more they are closed.
final class APIConnections: Sendable {
    let http: HTTPClient
    let route: ServerRoute
    /// Of the certificates.
    let revision: Int?

    init(_ route: ServerRoute, revision: Int?) throws(APIError) {
        self.route = route
        self.revision = revision
        var settings = HTTPClient.Configuration()
        settings.redirectConfiguration = .disallow
        // Whoever asks knows better when to try again, and wants to know at once why it failed.
        settings.connectionPool.retryConnectionEstablishment = false
        // Over HTTP/1.1 each watch has a connection to itself, and none may wait for another to end.
        settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        settings.timeout.connect = .seconds(10)
        // Lists shrink to a tenth; what grows by more than this was made to fill our memory.
        settings.decompression = .enabled(limit: .ratio(200))
        // Named for debugging, these are where a connection can be worked on before its first request.
        settings.http2ConnectionDebugInitializer = AnswerLimits.apply(toHTTP2:)
        settings.http2StreamChannelDebugInitializer = AnswerLimits.apply(toHTTP2Stream:)
        if route.needsConnector {
            let connector = try Connector(route)
            settings.http1_1ConnectionDebugInitializer = { channel in
                AnswerLimits.apply(toHTTP1: channel).flatMap { connector.lead(channel) }
            }
        } else {
            settings.http1_1ConnectionDebugInitializer = AnswerLimits.apply(toHTTP1:)
            if route.server.isSecure { settings.tlsConfiguration = try route.serverTLS() }
            if let name = route.expectedName { settings.dnsOverride = [name: route.server.host] }
        }
        http = HTTPClient(eventLoopGroup: apiEventLoops, configuration: settings)
    }

    deinit { http.shutdown { _ in } }
}

/// One thread for all connections to API servers. It begins with the first.
let apiEventLoops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
