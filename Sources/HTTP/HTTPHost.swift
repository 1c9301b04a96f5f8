internal import EventLoop

/// A listening socket on its way to the loop's thread, with what is answered there.
final class OpenListener: Sendable {
    let socket: Descriptor
    let answer: HTTPServer.Handler

    init(_ socket: consuming Descriptor, _ answer: @escaping HTTPServer.Handler) {
        self.socket = socket
        self.answer = answer
    }
}

/// The loop's side of ``HTTPServer``: what is open, and until when.
///
/// Unchecked, since it belongs to the loop's thread: others reach it through `EventLoop.execute` alone. Tokens are
/// never used twice, so an event for something that was closed in the same turn finds nobody.
final class HTTPHost: @unchecked Sendable {
    private struct Client {
        let connection: HTTPConnection
        let listener: UInt64
        let answer: HTTPServer.Handler
        /// When it was last answered, or accepted.
        var active: UInt64
        /// When it is closed, on the loop's clock.
        var deadline: UInt64
        var isLingering = false
    }

    /// How long a connection waits for its client to end as well.
    private static let lingerMilliseconds: UInt64 = 2_000

    private let loop: EventLoop
    private let limits: HTTPServer.Limits
    private var listeners: [EventLoop.Token: (id: UInt64, open: OpenListener)] = [:]
    private var clients: [EventLoop.Token: Client] = [:]
    private var lastToken: EventLoop.Token = 0
    private var sweepTimer: Timer?
    private var isSweeping = false
    private var acceptor: Acceptor?
    private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 10, alignment: 16)

    init(on loop: EventLoop, _ limits: HTTPServer.Limits) {
        self.loop = loop
        self.limits = limits
        // Unowned: the host holds both, and they call only while the loop runs, whose thread holds the host.
        sweepTimer = Timer(on: loop) { [unowned self] in sweep() }
        acceptor = Acceptor(on: loop) { [unowned self] token in
            guard let listener = listeners[token] else { return }
            loop.setListener(listener.open.socket, token: token, accepting: true)
        }
    }

    deinit {
        scratch.deallocate()
    }

    /// Closes everything; the loop has ended.
    func end() {
        clients = [:]
        listeners = [:]
    }

    func open(_ id: UInt64, _ listener: OpenListener) {
        lastToken += 1
        // Without kernel memory or epoll watches the socket is closed again, and clients are refused there.
        guard (try? loop.watchListener(listener.socket, token: lastToken)) != nil else { return }
        listeners[lastToken] = (id, listener)
    }

    func close(_ id: UInt64) {
        listeners = listeners.filter { $0.value.id != id }
        clients = clients.filter { $0.value.listener != id }
    }

    /// The handler of the loop.
    func handle(_ token: EventLoop.Token, _ readiness: Readiness) {
        if clients[token] != nil {
            step(token)
        } else if let listener = listeners[token] {
            acceptor?.accept(from: listener.open.socket, token: token) { socket, _ in
                add(HTTPConnection(socket, largestBody: limits.largestBody), listener.id, listener.open.answer)
            }
        }
    }
}

// MARK: - Connections

extension HTTPHost {
    private func add(_ connection: HTTPConnection, _ listener: UInt64, _ answer: @escaping HTTPServer.Handler) {
        if clients.count >= limits.mostConnections {
            // Tokens go up: of those in one millisecond the first has waited longest.
            let oldest = clients.min { ($0.value.active, $0.key) < ($1.value.active, $1.key) }
            if let oldest { clients[oldest.key] = nil }
        }
        lastToken += 1
        // Without kernel memory for the watch the connection is closed again at once.
        guard (try? loop.watch(connection.descriptor, token: lastToken)) != nil else { return }
        clients[lastToken] = Client(
            connection: connection, listener: listener, answer: answer, active: loop.now,
            deadline: loop.now + limits.idleMilliseconds)
        if !isSweeping { startSweeping() }
    }

    private func step(_ token: EventLoop.Token) {
        guard let client = clients[token] else { return }
        var isAnswered = false
        let verdict = client.connection.step(scratch) { request in
            isAnswered = true
            return client.answer(request)
        }
        if isAnswered {
            clients[token]?.active = loop.now
            clients[token]?.deadline = loop.now + limits.idleMilliseconds
        }
        switch verdict {
        case .waits: break
        case .yields: loop.again(token)
        case .lingers:
            // A client that goes on sending lingers again, with the deadline that it has.
            if !client.isLingering {
                clients[token]?.isLingering = true
                clients[token]?.deadline = loop.now + min(Self.lingerMilliseconds, limits.idleMilliseconds)
            }
        case .finished: clients[token] = nil
        }
    }
}

// MARK: - Deadlines

extension HTTPHost {
    /// Connections are few, so all are looked at now and then, and none has a timer of its own.
    private func startSweeping() {
        isSweeping = true
        sweepTimer?.start(after: min(1_000, limits.idleMilliseconds))
    }

    private func sweep() {
        clients = clients.filter { $0.value.deadline > loop.now }
        isSweeping = false
        if !clients.isEmpty { startSweeping() }
    }
}
