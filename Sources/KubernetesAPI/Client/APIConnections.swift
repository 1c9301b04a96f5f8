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

    /// - Parameter use: decides between what is good for one reader of ours and what is good for many that are not.
    init(_ route: ServerRoute, revision: Int?, for use: Use = .requests) throws(APIError) {
        self.route = route
        self.revision = revision
        var settings = HTTPClient.Configuration()
        settings.redirectConfiguration = .disallow
        // Whoever asks knows better when to try again, and wants to know at once why it failed.
        settings.connectionPool.retryConnectionEstablishment = false
        // Over HTTP/1.1 each watch has a connection to itself, and none may wait for another to end.
        settings.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = use == .requests ? 64 : 1 << 14
        settings.timeout.connect = .seconds(10)
        switch use {
        case .requests:
            // Lists shrink to a tenth; what grows by more than this was made to fill our memory.
            settings.decompression = .enabled(limit: .ratio(200))
        case .passing:
            // A connection of HTTP/2 has room for so many streams and no more, and the next would wait for one to end.
            settings.httpVersion = .http1Only
        }
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
        http = HTTPClient(
            eventLoopGroup: use == .requests ? apiEventLoops : upgradeEventLoops, configuration: settings)
    }

    /// What connections are for.
    enum Use {
        /// Requests of ours.
        case requests
        /// Those of others, whose answers are passed on as they are.
        case passing
    }

    deinit { http.shutdown { _ in } }
}

/// One thread for all connections to API servers. It begins with the first.
let apiEventLoops = MultiThreadedEventLoopGroup(numberOfThreads: 1)
