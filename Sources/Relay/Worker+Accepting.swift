internal import EventLoop
internal import Glibc

/// How accepting stands when room or descriptors have run out. Clients wait in the kernel's queue meanwhile: most get
/// their turn as soon as others leave, and nobody is turned away before that was given a chance.
struct AcceptPressure: ~Copyable {
    /// How long to wait before asking the kernel again, in milliseconds.
    static let pause: UInt64 = 50
    /// The kernel may refuse for this long, in milliseconds, before waiting clients are reset instead: an answer at last.
    static let patience: UInt64 = 1000

    /// Listeners that are not being watched.
    var paused: [UInt32] = []
    /// Since when the kernel has been refusing; nil if it does not.
    var refusedSince: UInt64?
    /// A descriptor that can be let go to make room for one accept (FIELD, splice trap 13).
    var spare = Descriptor.none

    init() {
        restoreSpare()
    }

    mutating func restoreSpare() {
        let opened = open("/dev/null", O_RDONLY | O_CLOEXEC)
        spare = Descriptor(owning: opened)
    }
}

extension Worker {
    /// Clients taken from one listener before others get their turn, if the turn is not a long one already.
    private static let batch = 16

    /// Takes a batch of clients from a listener's queue.
    ///
    /// - Parameter sharing: whether a worker with less to do may get them.
    /// - Returns: how many there were.
    @discardableResult
    func accept(from listener: Listener, sharing: Bool = true) -> Int {
        for count in 0..<Self.batch {
            // The listener is reported anew for as long as clients wait.
            guard count == 0 || loop.hasTime else { return count }
            guard hasRoom else {
                pauseAccepting(listener, "as many connections as the descriptor limit allows")
                return count
            }
            switch TCPSocket.accept(from: listener.socket) {
            case .accepted(let socket, let peer):
                pressure.refusedSince = nil
                let client = socket.release()
                if sharing, let other = lessLoaded(), handOver(client, peer, of: listener.port.id, to: other) {
                    continue
                }
                load.add()
                adopt(Descriptor(owning: client), peer, listener.port)
            case .none:
                // Nobody waits, so nobody has been waiting in vain since the last shortage.
                pressure.refusedSince = nil
                return count
            case .exhausted(let code):
                refused(listener, code)
                return count
            case .failed(let code):
                drop(listener)
                report(.listenerFailed(listener.port.id, SystemError("accept on", "\(listener.port.id)", code: code)))
                return count
            }
        }
        return Self.batch
    }

    /// Begins to serve a client, which ``load`` counts already.
    func adopt(_ client: consuming Descriptor, _ peer: SocketAddress, _ port: PortState) {
        port.counters.accepted += 1
        port.counters.open += 1
        let id = connections.insert(Connection(client: client, peer: peer, port: port, now: loop.now))
        dialling += 1
        dial(id, connections[id.index])
    }

    private var hasRoom: Bool {
        connections.count < mostConnections && dialling < mostDials
    }

    /// The kernel has a client for us but no descriptor or memory.
    private func refused(_ listener: Listener, _ code: Int32) {
        let since = pressure.refusedSince ?? loop.now
        pressure.refusedSince = since
        if loop.now - since >= AcceptPressure.patience { shed(from: listener) }
        pauseAccepting(listener, SystemError.reason(code))
        pressureTimer?.start(after: AcceptPressure.pause)
    }

    /// Resets a batch of waiting clients, with the spare descriptor.
    private func shed(from listener: Listener) {
        for _ in 0..<Self.batch {
            pressure.spare = .none
            guard case .accepted(let socket, _) = TCPSocket.accept(from: listener.socket) else { break }
            socket.resetOnClose()
            counters.shed += 1
            listener.port.counters.accepted += 1
            listener.port.counters.refused += 1
        }
        pressure.restoreSpare()
    }

    private func pauseAccepting(_ listener: Listener, _ reason: String) {
        loop.setListener(listener.socket, token: listener.token, accepting: false)
        if pressure.paused.isEmpty {
            counters.acceptPauses += 1
            report(.acceptPaused(reason: reason))
        }
        pressure.paused.append(listener.id)
    }

    /// Called when a connection or a dial has ended.
    @inline(__always)
    func roomMayHaveAppeared() {
        if !pressure.paused.isEmpty, hasRoom, pressure.refusedSince == nil { resumeAccepting() }
    }

    func resumeAccepting() {
        let waiting = pressure.paused
        pressure.paused = []
        for id in waiting {
            guard let listener = listeners[id] else { continue }
            loop.setListener(listener.socket, token: listener.token, accepting: true)
        }
    }
}
