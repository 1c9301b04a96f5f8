public import Base
internal import Glibc
internal import HTTPTypes
internal import HummingbirdCore
internal import Logging
internal import NIOCore
internal import NIOPosix

/// Serves metrics, status and the dashboard, over TCP or at a Unix socket. Hummingbird speaks HTTP; one thread does for all
/// of it, and it begins with the first server.
public struct AdminServer: Sendable {
    public enum Address: Hashable, Sendable, CustomStringConvertible {
        /// - Parameter port: 0 for any that is free.
        case port(EndpointAddress)
        /// Of mode 0600: its owner's and root's alone.
        case socket(path: String)

        public var description: String {
            switch self {
            case .port(let address): "\(address)"
            case .socket(let path): path
            }
        }
    }

    /// Why it cannot listen. For people.
    public struct Failure: Error, Hashable, Sendable, CustomStringConvertible {
        public let description: String
        /// Somebody else has the address, who may go.
        public let isInUse: Bool
    }

    /// Of one server: a scrape may be large, and a client may read it slowly.
    private static let mostClients = 32
    /// An answer is written in parts of so many bytes: who does not read takes no more of them.
    private static let part = 256 << 10
    private static let loop = MultiThreadedEventLoopGroup(numberOfThreads: 1)
    // What it says is about itself.
    private static let silence = Logger(label: "portico.admin") { _ in SwiftLogNoOpLogHandler() }

    private let pages: AdminPages
    /// For one question and its answer, to the last part of that.
    private let patience: TimeAmount

    public init(_ pages: AdminPages, patience: Duration = .seconds(60)) {
        self.pages = pages
        self.patience = TimeAmount(patience)
    }

    /// Serves until its task is cancelled, which ends all connections.
    ///
    /// - Parameters:
    ///   - shared: another process of this user may listen there too, if it also does so shared: for a restart without a
    ///     gap.
    ///     A Unix socket at which somebody listens is replaced then, and else left alone.
    ///   - keepsPath: the path of a Unix socket is another's at the end.
    ///   - started: is told where it listens.
    public func run(
        at address: Address, shared: Bool = false, keepsPath: @Sendable () -> Bool = { false },
        started: @Sendable (Address) -> Void = { _ in }
    ) async throws(Failure) {
        let clients = AdminClients(most: Self.mostClients)
        var place: UnixSocketPlace?
        let http = HTTP1Channel(
            responder: { request, writer, channel in
                try await respond(request, writer, channel, clients, Self.access(channel, address))
            },
            configuration: .init(
                idleTimeout: .seconds(120),
                httpDecoderConfiguration: .init(
                    maxHeaderFieldSize: 8 << 10, maxHeaderListSize: 16 << 10, maxHeaderFieldCount: 100)))
        do {
            let server = try await Self.listen(at: address, shared: shared) {
                channel -> EventLoopFuture<HTTP1Channel.Value> in
                guard clients.enter(channel) else {
                    channel.close(promise: nil)
                    return channel.eventLoop.makeFailedFuture(ChannelError.eof)
                }
                return http.setup(channel: channel, logger: Self.silence)
            }
            defer { if !keepsPath() { place?.leave() } }
            if case .socket(let path) = address { place = UnixSocketPlace(path, isOurs: true) }
            started(Self.place(of: server.channel, address))
            try await withThrowingDiscardingTaskGroup { group in
                try await server.executeThenClose { inbound in
                    for try await client in inbound {
                        group.addTask { await http.handle(value: client, logger: Self.silence) }
                    }
                }
                group.cancelAll()
            }
        } catch is CancellationError {
            return
        } catch let failure as Failure {
            throw failure
        } catch {
            let code = (error as? IOError)?.errnoCode ?? (error as? SystemError)?.code
            throw Failure(
                description: code.map { SystemError.reason($0) } ?? "\(error)", isInUse: code == EADDRINUSE)
        }
    }

    // MARK: Listening

    private static func listen<Client: Sendable>(
        at address: Address, shared: Bool,
        _ begin: @escaping @Sendable (any Channel) -> EventLoopFuture<Client>
    ) async throws -> NIOAsyncChannel<Client, Never> {
        var bootstrap = ServerBootstrap(group: loop).serverChannelOption(.backlog, value: 64)
        switch address {
        case .port(let address):
            bootstrap = bootstrap.serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            if shared {
                bootstrap = bootstrap.serverChannelOption(.socketOption(.init(rawValue: SO_REUSEPORT)), value: 1)
            }
            return try await bootstrap.bind(
                host: "\(address.ip)", port: Int(address.port), childChannelInitializer: begin)
        case .socket(let path):
            return try await bootstrap.bind(
                UnixSocketPlace(path).listen(replacing: shared), childChannelInitializer: begin)
        }
    }

    private static func place(of channel: any Channel, _ address: Address) -> Address {
        guard case .port(let wanted) = address, let port = channel.localAddress?.port else { return address }
        return .port(EndpointAddress(ip: wanted.ip, port: UInt16(clamping: port)))
    }

    /// Clients at an address of loopback are programs of this machine.
    private static func access(_ channel: any Channel, _ address: Address) -> AdminAccess {
        if case .socket = address { return .owner }
        let ends = [channel.localAddress, channel.remoteAddress].map { $0?.ipAddress.flatMap { IPAddress($0) } }
        return ends.allSatisfy { $0?.isLoopback == true } ? .machine : .everybody
    }

    // MARK: Answering

    private func respond(
        _ request: Request, _ writer: consuming ResponseWriter, _ channel: any Channel,
        _ clients: AdminClients, _ access: AdminAccess
    ) async throws {
        // One who does not come to an end, or does not read, is not waited for: an answer may be large, and there is room
        // for so many clients only. A body that nobody has asked for may have no end, whatever was answered.
        let end = channel.eventLoop.scheduleTask(in: patience) { channel.close(promise: nil) }
        let length = request.headers[.contentLength] ?? "0"
        let mayGoOn = request.head.method != .put && (length != "0" || request.headers[.transferEncoding] != nil)
        defer { if !mayGoOn { end.cancel() } }
        var asked = AdminRequest(method: request.head.method.rawValue, target: request.head.path ?? "/")
        asked.accept = request.headers[.accept]
        asked.host = request.head.authority
        asked.origin = request.headers[.origin]
        if asked.method == "PUT", let body = try? await request.body.collect(upTo: 4 << 10) {
            asked.body = Array(body.readableBytesView)
        }
        clients.isBeingAnswered(channel, true)
        defer { clients.isBeingAnswered(channel, false) }
        let answer = await pages.answer(asked, access)
        var head = HTTPResponse(status: .init(code: answer.status))
        head.headerFields[.contentType] = answer.contentType
        head.headerFields[.contentLength] = "\(answer.body.count)"
        head.headerFields[.xContentTypeOptions] = "nosniff"
        head.headerFields[.cacheControl] = "no-store"
        if let policy = answer.contentPolicy { head.headerFields[.contentSecurityPolicy] = policy }
        guard asked.method != "HEAD" else { return try await writer.writeResponse(head) }
        let whole = answer.body
        try await writer.write(
            response: head,
            body: ResponseBody(contentLength: whole.count) { writer in
                for start in stride(from: 0, to: whole.count, by: Self.part) {
                    try await writer.write(ByteBuffer(bytes: whole[start..<min(start + Self.part, whole.count)]))
                    // Whether there is room for the next one is known once this one has been given to the socket.
                    try await channel.eventLoop.submit {}.get()
                }
                try await writer.finish(nil)
            })
    }
}
