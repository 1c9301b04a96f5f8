internal import Base
public import EventLoop
internal import Glibc
internal import HummingbirdCore
public import KubernetesAPI
internal import Logging
internal import NIOCore
internal import NIOPosix

/// The counterpart of `kubectl proxy`: an API server on this machine, spoken to without credentials.
///
/// It passes each request on with those of the kubeconfig, and the answer back, each piece at once. What a browser could
/// be made to send for others is kept out by a ``RequestFilter``; who else is on this machine by a `PeerPolicy`.
public struct APIProxy: Sendable {
    public struct Settings: Sendable {
        public var address = ProxyAddress.port(host: "127.0.0.1", port: 8001)
        /// Nil lets everything through.
        public var filter: RequestFilter? = RequestFilter()
        public var placement = Placement()
        /// The folder of static files.
        public var files: StaticFiles?
        /// Of connections that have become another protocol, between two signs of life; nil for the system's.
        public var keepAlive: Duration?
        /// Who answers `…/services/NAME/proxy/…`; nil leaves it to the API server.
        public var services: (any ServiceBackends)?
        /// Whether links of the pages of Services are led back through the proxy.
        public var rewritesLinks = true
        /// The namespace of the short form `/services/NAME/proxy/…`.
        public var namespace = "default"
        /// Whose clients are served; nil for everybody's.
        public var peers: PeerPolicy?

        public init() {}
    }

    private let settings: Settings
    private let passage: APIPassage
    private let upgrades: UpgradeClient

    public init(_ settings: Settings, passage: APIPassage, upgrades: UpgradeClient) {
        self.settings = settings
        self.passage = passage
        self.upgrades = upgrades
    }

    /// Serves until its task is cancelled, which ends all connections. Once.
    ///
    /// - Parameter started: is told where it listens, as in `127.0.0.1:8001` or the path of a socket.
    /// - Throws: ``ProxyFailure`` if it cannot listen.
    public func run(started: @escaping @Sendable (String) -> Void) async throws(ProxyFailure) {
        try settings.address.prepare()
        let router = Router(settings: settings, passage: passage, upgrades: upgrades)
        let address = settings.address
        let check: PeerCheck
        do {
            check = try PeerCheck(settings.peers, on: address)
        } catch {
            throw ProxyFailure("who connects cannot be found out here, and so only --share is left: \(error)")
        }
        let clients = ClientConnections(respond: router.respond, check: check)
        // Nobody but its owner may use a socket, from its first moment.
        let mask = umask(0o177)
        defer { umask(mask) }
        let server = Server(
            childChannelSetup: clients, configuration: ServerConfiguration(address: address.bindAddress),
            onServerRunning: { channel in
                umask(mask)
                started(Self.name(of: channel, address))
            }, eventLoopGroup: proxyEventLoops,
            // Its words are about itself, and it takes its end for an error.
            logger: Logger(label: "portico.proxy") { _ in SwiftLogNoOpLogHandler() })
        do {
            try await server.run()
        } catch {
            throw ProxyFailure("cannot listen on \(address): \(Self.words(for: error))")
        }
        if case .unixSocket(let path) = address { unlink(path) }
    }

    private static func words(for error: any Error) -> String {
        guard let error = error as? IOError else { return "\(error)" }
        return switch error.errnoCode {
        case EADDRINUSE: "somebody has it already; --port 0 takes one that is free"
        case EACCES: "ports below 1024 are not for everybody"
        default: SystemError.reason(error.errnoCode)
        }
    }

    private static func name(of channel: any Channel, _ address: ProxyAddress) -> String {
        guard case .port(let host, _) = address, let port = channel.localAddress?.port else { return "\(address)" }
        return host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
    }
}

extension ProxyAddress: CustomStringConvertible {
    public var description: String {
        switch self {
        case .port(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        case .unixSocket(let path): path
        }
    }
}

/// The threads for clients, and for connections with the pods of Services. They begin with the first proxy.
let proxyEventLoops = MultiThreadedEventLoopGroup(numberOfThreads: min(2, System.coreCount))
