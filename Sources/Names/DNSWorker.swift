internal import Base
internal import EventLoop

/// The sockets of a DNS server, on its loop's thread.
final class DNSWorker {
    /// Batches of datagrams, and steps of one connection, before others have their turn.
    private static let workPerTurn = 16
    /// Clients that use TCP ask once and go; those that stay are let go when others come.
    private static let mostConnections = 64
    private static let idleLimit: UInt64 = 10_000
    private static let sweepInterval: UInt64 = 1000

    private static let datagramToken: EventLoop.Token = 0
    private static let listenerToken: EventLoop.Token = 1

    private let current: CurrentTable
    private let loop: EventLoop
    private let sockets: DNSSockets
    private var batch: DatagramBatch
    private var connections: [EventLoop.Token: DNSConnection] = [:]
    private var lastToken = DNSWorker.listenerToken
    private var sweeper: Timer?
    private var acceptor: Acceptor?

    init(on loop: EventLoop, _ sockets: consuming DNSSockets, _ current: CurrentTable) throws(SystemError) {
        self.loop = loop
        self.current = current
        self.batch = try DatagramBatch()
        self.sockets = sockets
        try loop.watch(self.sockets.datagrams, token: Self.datagramToken)
        try loop.watchListener(self.sockets.listener, token: Self.listenerToken)
        // Unowned: the worker holds both, and they call only while the loop runs, whose thread holds the worker.
        sweeper = Timer(on: loop) { [unowned self] in sweep() }
        acceptor = Acceptor(on: loop) { [unowned self] token in
            loop.setListener(self.sockets.listener, token: token, accepting: true)
        }
    }

    func handle(_ token: EventLoop.Token, _ readiness: Readiness) {
        switch token {
        case Self.datagramToken: receive()
        case Self.listenerToken: acceptor?.accept(from: sockets.listener, token: token) { socket, _ in add(socket) }
        default: step(token)
        }
    }

    // MARK: UDP

    private func receive() {
        for _ in 0..<Self.workPerTurn {
            switch batch.receive(from: sockets.datagrams) {
            case .received(let count):
                for slot in 0..<count { answer(slot) }
                if count < DatagramBatch.slots { return }
            case .wouldBlock:
                return
            case .failed:
                // Of an answer that was sent earlier, to a client that is gone.
                continue
            }
        }
        loop.again(Self.datagramToken)
    }

    private func answer(_ slot: Int) {
        // Nobody can be reached at port 0; such a sender is forged.
        guard batch.peer(slot).port > 0, let response = current.table.respond(to: batch.datagram(slot), over: .udp)
        else { return }
        // If the socket's buffer is full the answer is lost, as it could be anywhere; the client asks again.
        _ = batch.reply(to: slot, with: response, through: sockets.datagrams)
    }

    // MARK: TCP

    private func add(_ socket: consuming Descriptor) {
        if connections.count >= Self.mostConnections { closeIdlest() }
        lastToken += 1
        let connection = DNSConnection(socket, at: loop.now)
        // Without kernel memory for the watch it is closed again at once.
        guard (try? loop.watch(connection.socket, token: lastToken)) != nil else { return }
        if connections.isEmpty { sweeper?.start(after: Self.sweepInterval) }
        connections[lastToken] = connection
    }

    private func step(_ token: EventLoop.Token) {
        guard let connection = connections[token] else { return }
        for _ in 0..<Self.workPerTurn {
            switch connection.step(at: loop.now, { current.table.respond(to: $0, over: .tcp) }) {
            case .goOn: continue
            case .wait: return
            case .close:
                connections[token] = nil
                return
            }
        }
        loop.again(token)
    }

    private func closeIdlest() {
        guard let idlest = connections.min(by: { $0.value.lastActive < $1.value.lastActive }) else { return }
        connections[idlest.key] = nil
    }

    private func sweep() {
        let now = loop.now
        connections = connections.filter { $0.value.lastActive + Self.idleLimit > now }
        if !connections.isEmpty { sweeper?.start(after: Self.sweepInterval) }
    }
}
