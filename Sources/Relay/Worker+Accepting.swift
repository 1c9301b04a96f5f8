internal import Base
internal import EventLoop
internal import Glibc

/// Taking clients from the queues of the kernel, as far as there is room for them.
extension Worker {
    /// Clients taken from one listener before others get their turn, if the turn is not a long one already.
    private static let batch = 16

    /// Takes a batch of clients from a listener's queue.
    ///
    /// - Parameter closing: the listener is about to be closed, and who is left in its queue would be reset. So they
    ///   are taken as long as there is anything left, beyond the service port's share too, and stay in this worker.
    /// - Returns: how many there were.
    @discardableResult
    func accept(from listener: Listener, closing: Bool = false) -> Int {
        let port = listener.port
        supplies.connections.capacity = connectionCapacity
        pressure.followLimit(now: loop.now)
        for count in 0..<Self.batch {
            // The listener is reported anew for as long as clients wait.
            guard count == 0 || loop.hasTime else { return count }
            if let shortage = closing ? shortage() : shortage(of: port) {
                pauseForShare(listener, shortage)
                return count
            }
            guard pressure.hasDescriptors() else {
                refused(listener, EMFILE)
                return count
            }
            switch TCPSocket.accept(from: listener.socket) {
            case .accepted(let socket, let peer):
                pressure.accepted(socket.raw)
                listener.failures = 0
                guard admits(socket, peer, to: port) else {
                    socket.resetOnClose()
                    turnedAway(peer, of: port, .notAdmitted)
                    continue
                }
                if configuration.reportsClients { reportClient(of: listener) }
                let client = socket.release()
                if !closing, port.staysUntil <= loop.now, let other = lessLoaded(),
                    handOver(client, peer, of: port.id, to: other)
                {
                    continue
                }
                load.add()
                adopt(Descriptor(owning: client), peer, port)
            case .none:
                // Nobody waits, so nobody has been waiting in vain since the last shortage.
                pressure.refusedSince = nil
                listener.failures = 0
                shortageEnds(listener)
                return count
            case .exhausted(let code):
                refused(listener, code)
                return count
            case .failed(let code):
                setAside(listener, SystemError("accept clients of", "\(port.id)", code: code))
                return count
            }
        }
        return Self.batch
    }

    /// Whether the client's user is to be served.
    @inline(__always)
    private func admits(_ client: borrowing Descriptor, _ peer: SocketAddress, to port: PortState) -> Bool {
        guard let verdict = gate?.judge(client, at: peer, now: loop.now), verdict != .admitted else { return true }
        if case .refused(let user, isNews: true) = verdict { report(.clientRefused(port.id, peer, user: user)) }
        return false
    }

    private func reportClient(of listener: Listener) {
        guard let local = try? TCPSocket.localAddress(of: listener.socket) else { return }
        report(.clientAccepted(listener.port.id, local.port))
    }

    /// Begins to serve a client, which ``load`` counts already.
    ///
    /// - Parameter opening: what was read from it, and what it is to read before anything else.
    func adopt(
        _ client: consuming Descriptor, _ peer: SocketAddress, _ port: PortState, after opening: Opening = Opening()
    ) {
        port.counters.pointee.accepted.add()
        port.counters.pointee.open.add(1)
        counters.open.add(1)
        supplies.connections.take(&port.has.connections)
        supplies.dials.take(&port.has.dials)
        let id = connections.insert(Connection(client: client, peer: peer, port: port, now: loop.now))
        connections[id.index].pointee.begin(with: opening)
        dial(id, connections[id.index])
    }

    /// What the service port would have too much of with one more client; nil if nothing.
    @inline(__always)
    func shortage(of port: PortState) -> Shortage? {
        if !supplies.connections.admits(port.has.connections) { return .connections(port.has.connections) }
        if !supplies.dials.admits(port.has.dials) { return .dials(port.has.dials) }
        return nil
    }

    /// What nobody is to have any more of.
    private func shortage() -> Shortage? {
        if supplies.connections.free == 0 { return .connections(0) }
        return supplies.dials.free == 0 ? .dials(0) : nil
    }

    /// The kernel has a client for us but no descriptor or memory.
    private func refused(_ listener: Listener, _ code: Int32) {
        let since = pressure.refusedSince ?? loop.now
        pressure.refusedSince = since
        if loop.now - since >= AcceptPressure.patience { shed(from: listener) }
        shortageBegins(listener, .kernel(code))
        pause(listener, for: AcceptPressure.pause)
    }

    /// Resets a batch of waiting clients, with a descriptor that is kept for that.
    private func shed(from listener: Listener) {
        for _ in 0..<Self.batch {
            pressure.lendForRefusal()
            guard case .accepted(let socket, let peer) = TCPSocket.accept(from: listener.socket) else { break }
            socket.resetOnClose()
            counters.shed.add()
            turnedAway(peer, of: listener.port, .exhausted)
        }
        pressure.restore()
    }
}
