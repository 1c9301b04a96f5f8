internal import Base
internal import EventLoop

/// The loop's side of ``ForwardProxyServer``. Tokens are never used twice, so an event or an answer for a client that is
/// gone finds nobody.
///
/// Unchecked, since it belongs to the loop's thread: answers come there by `EventLoop.execute`.
final class ForwardProxyWorker: @unchecked Sendable {
    /// How long a client that was refused may take to read that, in milliseconds.
    private static let lingering: UInt64 = 2000
    private static let sweepInterval: UInt64 = 500
    /// Steps of one client before others have their turn.
    private static let stepsPerTurn = 16

    private let loop: EventLoop
    private let settings: ForwardProxyServer.Settings
    private let decide: ForwardProxyServer.Decide
    private let carry: ForwardProxyServer.Carry
    private let report: @Sendable (ForwardProxyEvent) -> Void
    private var gate: PeerGate?
    private var listeners: [EventLoop.Token: ListeningPlace] = [:]
    private var clients: [EventLoop.Token: ForwardClient] = [:]
    private var lastToken: EventLoop.Token = 0
    private var acceptor: Acceptor?
    private var sweeper: Timer?
    private let scratch = UnsafeMutableRawBufferPointer.allocate(byteCount: 16 << 10, alignment: 16)

    init(
        on loop: EventLoop, _ settings: ForwardProxyServer.Settings, decide: @escaping ForwardProxyServer.Decide,
        carry: @escaping ForwardProxyServer.Carry, report: @escaping @Sendable (ForwardProxyEvent) -> Void
    ) throws(SystemError) {
        self.loop = loop
        self.settings = settings
        self.decide = decide
        self.carry = carry
        self.report = report
        if let peers = settings.peers { gate = try PeerGate(peers) }
        for place in try ListeningPlace.open(settings.addresses) {
            lastToken += 1
            try loop.watchListener(place.socket, token: lastToken)
            listeners[lastToken] = place
        }
        // Unowned: this holds both, and they call only while the loop runs, whose thread holds this.
        sweeper = Timer(on: loop) { [unowned self] in sweep() }
        acceptor = Acceptor(on: loop) { [unowned self] token in
            guard let listener = listeners[token] else { return }
            loop.setListener(listener.socket, token: token, accepting: true)
        }
    }

    deinit { scratch.deallocate() }

    var addresses: [SocketAddress] { listeners.sorted { $0.key < $1.key }.map(\.value.address) }

    /// The loop has ended.
    func end() {
        clients = [:]
        listeners = [:]
    }

    func handle(_ token: EventLoop.Token, _ readiness: Readiness) {
        if let client = clients[token] {
            step(client, token)
        } else if let listener = listeners[token] {
            acceptor?.accept(from: listener.socket, token: token) { socket, peer in add(socket, peer) }
        }
    }

    private func add(_ socket: consuming Descriptor, _ peer: SocketAddress) {
        guard admits(socket, peer) else { return socket.resetOnClose() }
        if clients.count >= settings.mostHandshakes, let oldest = clients.min(by: Self.isDueBefore) {
            clients[oldest.key] = nil
        }
        lastToken += 1
        // Without kernel memory for the watch it is closed again at once.
        guard (try? loop.watch(socket, token: lastToken)) != nil else { return }
        if clients.isEmpty { sweeper?.start(after: Self.sweepInterval) }
        clients[lastToken] = ForwardClient(
            socket, peer, ProxyHandshake(password: settings.password), deadline: loop.now + settings.handshakeLimit)
    }

    /// Of those of one millisecond the first, since tokens go up.
    private static func isDueBefore(
        _ a: (key: EventLoop.Token, value: ForwardClient), _ b: (key: EventLoop.Token, value: ForwardClient)
    ) -> Bool {
        (a.value.deadline, a.key) < (b.value.deadline, b.key)
    }

    /// Whether the client's user is to be served. Of one that comes from elsewhere only a password tells.
    private func admits(_ socket: borrowing Descriptor, _ peer: SocketAddress) -> Bool {
        if settings.password != nil, !peer.unmapped.isLoopback { return true }
        guard let verdict = gate?.judge(socket, at: peer, now: loop.now), verdict != .admitted else { return true }
        if case .refused(let user, isNews: true) = verdict { report(.stranger(peer, user: user)) }
        return false
    }

    // MARK: One client

    private func step(_ client: ForwardClient, _ token: EventLoop.Token) {
        for _ in 0..<Self.stepsPerTurn {
            switch client.step(scratch) {
            case .goesOn: continue
            case .waits: return
            case .finished:
                clients[token] = nil
                return
            case .refused(wrongPassword: let isWrong):
                client.deadline = loop.now + min(Self.lingering, settings.handshakeLimit)
                if isWrong { report(.wrongPassword(client.peer)) }
            case .asks(let target):
                ask(target, token)
                return
            }
        }
        loop.again(token)
    }

    private func ask(_ target: ForwardTarget, _ token: EventLoop.Token) {
        // Not held from there: an answer may come when all this has long ended.
        decide(target) { [weak self, loop] answer in
            loop.execute { [weak self] in self?.take(answer, to: target, token) }
        }
    }

    private func take(_ answer: ForwardAnswer, to target: ForwardTarget, _ token: EventLoop.Token) {
        guard let client = clients[token], client.isAsking else { return }
        switch answer {
        case .carried(let port):
            clients[token] = nil
            guard let forwarded = client.leave(loop) else { return }
            carry(forwarded, port)
        case .refused(let refusal):
            report(.refused(target, refusal))
            client.refuse(refusal)
            client.deadline = loop.now + min(Self.lingering, settings.handshakeLimit)
            step(client, token)
        }
    }

    private func sweep() {
        clients = clients.filter { $0.value.deadline > loop.now }
        if !clients.isEmpty { sweeper?.start(after: Self.sweepInterval) }
    }
}

extension SocketAddress {
    fileprivate var isLoopback: Bool { isIPv6 ? high == 0 && low == 1 : low >> 24 == 127 }
}
