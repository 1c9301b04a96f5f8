internal import NIOCore
internal import NIOHTTP1
internal import NIOHTTP2
internal import NIOPosix
internal import NIOSSL
internal import TestSupport

/// An API server on 127.0.0.1 that answers as a test has scripted it, over HTTP/1.1 and HTTP/2, with TLS or without.
///
///     let server = try await ScriptedAPIServer()
///     server.on("GET", "/api/v1/services", .answer(200, #"{"kind":"ServiceList",…}"#))
///
/// What no script is for is answered with 404. It knows nothing of Kubernetes.
public final class ScriptedAPIServer: Sendable {
    public let port: UInt16
    private let state: Locked<ServerState>
    private let listeners: [any Channel]

    /// - Parameters:
    ///   - identity: its certificate; nil for plain HTTP.
    ///   - clients: if given, nobody is let in without a certificate of this authority.
    ///   - port: 0 for any; another to come back where an earlier one was.
    ///   - sockets: that listen already, perhaps in other networks, in place of one of its own. It closes them.
    public init(
        identity: TestAuthority.Pair? = nil, clients: TestAuthority? = nil, offersHTTP2: Bool = true, port: UInt16 = 0,
        sockets: [Int32] = []
    ) async throws {
        let state = Locked(ServerState())
        let tls = try identity.map { try Self.context($0, clients: clients, offersHTTP2: offersHTTP2) }
        let bootstrap = ServerBootstrap(group: testEventLoops)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelOption(.socketOption(.tcp_nodelay), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture { try Self.prepare(channel, tls: tls, state: state) }
                    .flatMap { $0 }
            }
        var listeners: [any Channel] = []
        for socket in sockets { listeners.append(try await bootstrap.withBoundSocket(socket).get()) }
        if sockets.isEmpty { listeners = [try await bootstrap.bind(host: "127.0.0.1", port: Int(port)).get()] }
        self.listeners = listeners
        self.port = UInt16(listeners.first?.localAddress?.port ?? 0)
        self.state = state
    }

    deinit { close() }

    /// Answers requests of this method and path by `script`. Where several match, the first that is not used up counts.
    ///
    /// - Parameters:
    ///   - query: what the request has to have among others.
    ///   - times: for how many requests; nil for all.
    public func on(
        _ method: String, _ path: String, query: [String: String] = [:], times: Int? = nil, _ script: Script
    ) {
        state.withLock { $0.rules.append(Rule(method: method, path: path, query: query, uses: times, script: script)) }
    }

    public func on(
        _ method: String, _ path: String, query: [String: String] = [:], times: Int? = nil,
        _ run: @escaping @Sendable (ReceivedRequest, Reply) async throws -> Void
    ) {
        on(method, path, query: query, times: times, Script(run))
    }

    /// Forgets what was scripted; answers under way go on.
    public func forgetScripts() { state.withLock { $0.rules = [] } }

    /// All that has come in so far.
    public var requests: [ReceivedRequest] { state.withLock { $0.requests } }

    /// How many connections have come in so far, whether or not they got through TLS.
    public var connectionCount: Int { state.withLock { $0.count } }

    /// How many connections are there now.
    public var openConnections: Int { state.withLock { $0.open.count } }

    /// Resets all connections; new ones are welcome.
    public func resetConnections() async {
        for channel in state.withLock({ Array($0.open.values) }) { await resetConnection(channel) }
    }

    /// Stops listening and closes all connections.
    public func close() {
        for listener in listeners { listener.close(promise: nil) }
        for channel in state.withLock({ Array($0.open.values) }) { channel.close(promise: nil) }
    }

    // MARK: - Connections

    private static func context(
        _ identity: TestAuthority.Pair, clients: TestAuthority?, offersHTTP2: Bool
    ) throws -> NIOSSLContext {
        var tls = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMBytes(identity.certificate).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: identity.key, format: .pem)))
        tls.applicationProtocols = offersHTTP2 ? ["h2", "http/1.1"] : ["http/1.1"]
        if let clients {
            tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(clients.certificate))
            tls.certificateVerification = .noHostnameVerification
        }
        return try NIOSSLContext(configuration: tls)
    }

    private static func prepare(
        _ channel: any Channel, tls: NIOSSLContext?, state: Locked<ServerState>
    ) throws -> EventLoopFuture<Void> {
        let id = ObjectIdentifier(channel)
        let number = state.withLock { state in
            state.count += 1
            state.open[id] = channel
            return state.count
        }
        channel.closeFuture.whenComplete { _ in state.withLock { $0.open[id] = nil } }
        let answering: @Sendable (any Channel, Bool) throws -> Void = { channel, isHTTP2 in
            let handler = RequestHandler(connection: number, isHTTP2: isHTTP2) { request in
                state.withLock { $0.script(for: request) }
            }
            let pipeline = channel.pipeline.syncOperations
            if isHTTP2 {
                try pipeline.addHandler(HTTP2FramePayloadToHTTP1ServerCodec())
            } else {
                try pipeline.addHandler(ByteToMessageHandler(HTTPRequestDecoder()))
            }
            try pipeline.addHandler(handler)
        }
        guard let tls else {
            try answering(channel, false)
            return channel.eventLoop.makeSucceededVoidFuture()
        }
        try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls))
        return channel.configureHTTP2SecureUpgrade(
            h2ChannelConfigurator: { channel in
                channel.configureHTTP2Pipeline(mode: .server) { stream in
                    stream.eventLoop.makeCompletedFuture { try answering(stream, true) }
                }.map { _ in }
            },
            http1ChannelConfigurator: { channel in
                channel.eventLoop.makeCompletedFuture { try answering(channel, false) }
            })
    }
}

/// One thread for the servers of all tests; they have next to nothing to do.
let testEventLoops = MultiThreadedEventLoopGroup(numberOfThreads: 1)

struct Rule {
    var method: String
    var path: String
    var query: [String: String]
    var uses: Int?
    var script: Script

    func matches(_ request: ReceivedRequest) -> Bool {
        uses != 0 && method == request.method && path == request.path
            && query.allSatisfy { request.query[$0.key] == $0.value }
    }
}

struct ServerState {
    var rules: [Rule] = []
    var requests: [ReceivedRequest] = []
    var open: [ObjectIdentifier: any Channel] = [:]
    var count = 0

    mutating func script(for request: ReceivedRequest) -> Script {
        requests.append(request)
        guard let index = rules.firstIndex(where: { $0.matches(request) }) else {
            return .status(404, reason: "NotFound", message: "the server could not find the requested resource")
        }
        if let uses = rules[index].uses { rules[index].uses = uses - 1 }
        return rules[index].script
    }
}
