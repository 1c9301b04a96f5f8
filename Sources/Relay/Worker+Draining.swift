internal import Balancing
internal import Base
internal import EventLoop

/// The way to the worker's end: no new clients, and time for those that are there.
extension Worker {
    /// How often it is looked whether UDP clients are still owed answers, in milliseconds.
    private static let drainInterval: UInt64 = 20

    /// Stops accepting, serves what the kernel has queued so far, and calls `done` when the last connection has ended
    /// and no UDP client waits for an answer. Datagrams that come from now on are not read.
    func drain(_ done: @escaping () -> Void) {
        for listener in Array(listeners.values) {
            if listener.port.id.transport == .udp { stopWatching(listener) } else { closeListener(listener.id) }
        }
        drained.append(done)
        isDraining = true
        load.close()
        goOnDraining()
    }

    /// Closes the UDP listeners that have done their duty, and tells those who wait for the end if this is it.
    func goOnDraining() {
        guard isDraining else { return }
        let owing = listenersOfFlows { datagrams.flows[$0.index].pointee.isOwed(at: loop.now) }
        let isEnd = owing.isEmpty && load.isClosedAndEmpty && closing == 0
        // Somebody else reads from those that were let go, so they may as well serve their flows for as long as there
        // is something else to wait for. Nobody reads from the others: clients are better off with an error.
        for listener in Array(listeners.values) where isEnd || (!hasLetGo && !owing.contains(listener.id)) {
            closeListener(listener.id)
        }
        if isEnd {
            let waiting = drained
            drained = []
            for done in waiting { done() }
        } else if !owing.isEmpty {
            drainTimer?.start(after: Self.drainInterval)
        }
    }

    /// Ends what is still open.
    func endAll() {
        counters.endedByDrain.add(connections.count)
        // First: each end makes room for one of them.
        for port in portsWithGuests.visit() { turnGuestsAway(of: port) }
        for id in connections.ids { end(id, .drained) }
        guard isDraining || hasLetGo else { return }
        for listener in Array(listeners.values) {
            if listener.lastClients == nil { closeListener(listener.id) } else { drop(listener) }
        }
        goOnDraining()
    }

    // MARK: Letting go

    /// Leaves all doors to another process that has them too: without taking what is queued, which that process will.
    ///
    /// Flows go on, and so the UDP listeners that they came through stay: nothing is read from those, but answers leave
    /// by them, since clients expect them from there.
    func letGo() {
        hasLetGo = true
        pressure.turns = Turns()
        pressure.later = []
        pressure.refusedSince = nil
        for listener in Array(listeners.values) {
            if listener.port.id.transport == .udp {
                stopWatching(listener)
                dropIfUnused(listener)
            } else {
                drop(listener)
            }
        }
    }

    /// Closes a listener that was let go with the last of its flows. It would keep its address taken if the other
    /// process gives that up.
    func dropIfUnused(_ listener: Listener) {
        if hasLetGo, !listener.isWatched, listener.flowCount == 0 { drop(listener) }
    }

    /// The listeners that flows of the given kind came through.
    private func listenersOfFlows(_ isCounted: (Slab<Flow>.ID) -> Bool) -> Set<UInt32> {
        var found: Set<UInt32> = []
        for id in datagrams.flows.ids {
            let listener = datagrams.flows[id.index].pointee.key.listener
            if !found.contains(listener), listeners[listener] != nil, isCounted(id) { found.insert(listener) }
        }
        return found
    }
}

extension Flow {
    /// Whether its client still waits for something.
    fileprivate func isOwed(at now: UInt64) -> Bool { port.flows.isOwed(entry, at: now) }
}
