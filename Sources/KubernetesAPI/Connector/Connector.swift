internal import Base
internal import NIOCore
internal import NIOPosix
internal import NIOSSL

/// Leads a fresh TCP connection to an API server: by a proxy if there is one on the way, and into TLS if the server
/// speaks it. For the ways that the HTTP client cannot go itself, and for connections that are to become something else
/// than HTTP.
struct Connector: Sendable {
    private let route: ServerRoute
    private let proxyContext: NIOSSLContext?
    private let serverContext: NIOSSLContext?

    /// The names of handlers in a pipeline.
    private static let proxyTLS = "connector: TLS with the proxy"
    static let serverTLS = "connector: TLS with the server"

    /// How long it may take.
    private static let limit = TimeAmount.seconds(10)

    /// - Parameter changes: something else about TLS with the server.
    init(_ route: ServerRoute, changes: (inout TLSConfiguration) -> Void = { _ in }) throws(APIError) {
        self.route = route
        proxyContext =
            route.proxy?.scheme == .https
            ? try Self.context(try route.proxyTLS(), for: route.proxy?.host ?? "", route) : nil
        guard route.server.isSecure else {
            serverContext = nil
            return
        }
        var tls = try route.serverTLS()
        tls.applicationProtocols = ["http/1.1"]
        changes(&tls)
        serverContext = try Self.context(tls, for: route.identity, route)
    }

    private static func context(
        _ configuration: TLSConfiguration, for name: String, _ route: ServerRoute
    ) throws(APIError) -> NIOSSLContext {
        var configuration = configuration
        // A certificate for an address would be compared with that of the connection, which may be a proxy's: see
        // `secure`.
        if IPAddress(name) != nil, configuration.certificateVerification == .fullVerification {
            configuration.certificateVerification = .noHostnameVerification
        }
        do {
            return try NIOSSLContext(configuration: configuration)
        } catch {
            throw .credentials("\(route.server): TLS cannot begin with these certificates: \(error)")
        }
    }

    /// A connection on which nothing has been said to the server yet, but for TLS.
    func connect(in group: any EventLoopGroup = apiEventLoops) async throws -> any Channel {
        let (host, port) = route.firstHop
        let channel = try await ClientBootstrap(group: group).connectTimeout(Self.limit)
            .connect(host: host, port: port).get()
        try await channel.eventLoop.flatSubmit { lead(channel) }.get()
        return channel
    }

    /// Goes the rest of the way with a connection that has just been made to where it begins. What it needs in the
    /// pipeline is put before all that is there. If it fails, the connection is closed. On the connection's event loop.
    func lead(_ channel: any Channel) -> EventLoopFuture<Void> {
        let result = channel.eventLoop.makePromise(of: Void.self)
        let limit = channel.eventLoop.scheduleTask(in: Self.limit) { result.fail(ConnectorError.tooSlow) }
        let before = proxyContext == nil ? nil : Self.proxyTLS
        secure(channel, proxyContext, Self.proxyTLS, host: route.proxy?.host ?? "", after: nil)
            .flatMapErrorThrowing { throw ProxyTLSError(cause: $0) }
            .flatMap { ask(channel, after: before) }
            .flatMap { secure(channel, serverContext, Self.serverTLS, host: route.identity, after: before) }
            .cascade(to: result)
        result.futureResult.whenComplete { outcome in
            limit.cancel()
            guard case .failure = outcome else { return }
            // Later, since whoever waits must hear first that it failed and then that it is closed.
            channel.eventLoop.execute { channel.close(promise: nil) }
        }
        return result.futureResult
    }

    /// Asks the proxy for a connection to the server.
    private func ask(_ channel: any Channel, after previous: String?) -> EventLoopFuture<Void> {
        guard let proxy = route.proxy else { return channel.eventLoop.makeSucceededVoidFuture() }
        let promise = channel.eventLoop.makePromise(of: Void.self)
        do {
            let handshake: any ProxyHandshake =
                switch proxy.scheme {
                case .http, .https: ConnectHandshake(to: route.server, proxy)
                case .socks5: try SOCKSHandshake(to: route.server, proxy)
                }
            try add(HandshakeHandler(handshake, promise), to: channel, after: previous)
        } catch {
            promise.fail(error)
        }
        return promise.futureResult
    }

    /// Begins TLS, if there is a context for it, and waits until it is there.
    private func secure(
        _ channel: any Channel, _ context: NIOSSLContext?, _ name: String, host: String, after previous: String?
    ) -> EventLoopFuture<Void> {
        guard let context else { return channel.eventLoop.makeSucceededVoidFuture() }
        let promise = channel.eventLoop.makePromise(of: Void.self)
        let address = IPAddress(host)
        let checksAddress = context.configuration.certificateVerification == .noHostnameVerification
        do {
            let handler = try NIOSSLClientHandler(context: context, serverHostname: address == nil ? host : nil)
            let watch = TLSWatch(promise) {
                guard let address, checksAddress else { return }
                guard let certificate = handler.peerCertificate, certificate.addresses.contains(address) else {
                    throw ConnectorError.otherName
                }
            }
            // The watch first: with the handler the handshake begins.
            try add(watch, to: channel, after: previous)
            try add(handler, named: name, to: channel, after: previous)
        } catch {
            promise.fail(error)
        }
        return promise.futureResult
    }

    private func add(
        _ handler: any ChannelHandler, named name: String? = nil, to channel: any Channel, after previous: String?
    ) throws {
        let pipeline = channel.pipeline.syncOperations
        guard let previous else { return try pipeline.addHandler(handler, name: name, position: .first) }
        try pipeline.addHandler(handler, name: name, position: .after(try pipeline.context(name: previous).handler))
    }
}

/// Why a connection did not get to the server.
enum ConnectorError: Error, Hashable {
    case tooSlow
    /// It was closed on the way.
    case closed
    /// The proxy asks for a login, or for another.
    case loginRefused
    /// The proxy's own words.
    case refused(String)
    /// What came is not what a proxy says.
    case notAProxy
    /// The certificate is for another address.
    case otherName
}

/// TLS with the proxy did not come about.
struct ProxyTLSError: Error {
    let cause: any Error
}
