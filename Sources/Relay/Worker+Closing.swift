internal import Balancing
internal import Base
internal import EventLoop

/// The end of a listener. Connections stay (docs/behaviour.md, B5.9).
extension Worker {
    /// Clients that are taken from a listener before it is closed, at most: others may come as fast as they are taken.
    private static let mostLastClients = 1024

    /// Closes a listener; its service port goes with the last one.
    ///
    /// Clients that the kernel has accepted on it already would be reset by the close, so they are taken first, as far
    /// as there is room. That may take several turns, in between which others have theirs; see ``settle(_:)``.
    func closeListener(_ id: UInt32) {
        guard let listener = listeners[id], listener.lastClients == nil else { return }
        guard listener.port.id.transport == .tcp else {
            endFlows(through: id, of: listener.port)
            return drop(listener)
        }
        if listener.pause == .forShare { listener.pause = .none }
        stopWatching(listener)
        listener.lastClients = Self.mostLastClients
        closing += 1
        goOnClosing(id)
    }

    /// Takes some of the last clients, and closes the listener after the last of them.
    func goOnClosing(_ id: UInt32) {
        guard let listener = listeners[id], let left = listener.lastClients else { return }
        let count = listener.pause == .none ? accept(from: listener, closing: true) : 0
        listener.lastClients = left - count
        guard count > 0, count < left, listener.pause == .none else { return drop(listener) }
        loop.again(Token(.closing, index: id, generation: 0).raw)
    }

    /// Closes a listener as it is.
    func drop(_ listener: Listener) {
        guard listeners.take(listener.id) != nil else { return }
        stopWatching(listener)
        shortageEnds(listener)
        listener.port.listeners.remove(listener.id)
        guard listener.lastClients != nil else { return }
        closing -= 1
        guard closing == 0 else { return }
        let waiting = settled
        settled = []
        for done in waiting { done() }
        goOnDraining()
    }

    /// Another process may have the same socket, and its events must not come here any more.
    func stopWatching(_ listener: Listener) {
        loop.unwatch(listener.socket)
        listener.isWatched = false
    }

    /// Calls `done` when the listeners that were to be closed are.
    func settle(_ done: @escaping () -> Void) {
        if closing == 0 { done() } else { settled.append(done) }
    }
}
