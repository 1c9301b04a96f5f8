internal import EventLoop

/// One timer of the loop stands for all deadlines of the worker's connections.
extension Worker {
    func setDeadline(_ kind: Deadlines.Kind, _ index: UInt32) {
        arm(for: deadlines.set(index, kind, now: loop.now))
        counters.halfOpen.set(deadlines.halfOpenCount)
    }

    func cancelDeadline(_ index: UInt32) {
        deadlines.cancel(index)
        counters.halfOpen.set(deadlines.halfOpenCount)
    }

    private func arm(for due: UInt64) {
        // A timer that fires too early finds nothing due and is armed anew; it is never moved for a cancelled deadline.
        guard deadlineArmed == 0 || due < deadlineArmed else { return }
        deadlineArmed = due
        deadlineTimer?.start(after: due > loop.now ? due - loop.now : 0)
    }

    /// So many are taken even if the turn is a long one already.
    private static let fewDeadlines = 16

    /// A connection of which one direction has ended may have been silent for too long.
    ///
    /// The limit is on silence, not on length: a long answer to a finished request is legitimate. Nor is it silence if
    /// this process was stopped or kept from running for so long: then what came meanwhile, and the events that tell of
    /// it, still wait. So the sockets are asked first.
    func halfOpenIsDue(
        _ id: Slab<Connection>.ID, _ connection: UnsafeMutablePointer<Connection>, at now: UInt64
    ) {
        guard now - connection.pointee.lastActive >= configuration.halfOpenLimit else {
            return setDeadline(.halfOpen, id.index)
        }
        let before = connection.pointee.moved
        connection.pointee.lookAnew()
        relay(id, connection, on: .turn)
        // If it goes on, that has set its next deadline.
        guard connections.find(id) != nil, connection.pointee.isHalfOpen else { return }
        guard connection.pointee.moved != before else { return end(id, .halfOpenLimit) }
        connection.pointee.lastActive = loop.now
    }

    /// A connection is no longer young: endpoints that do not work do not keep one for so long. One that the endpoint
    /// has ended without a word is there only because the client has not gone yet.
    private func hasLived(_ connection: UnsafeMutablePointer<Connection>) {
        let down = connection.pointee.down
        guard let endpoint = connection.pointee.endpoint, !down.isDone || down.moved > 0 else { return }
        proved(endpoint, of: connection.pointee.port, since: connection.pointee.openedAt)
    }

    func deadlinesAreDue() {
        deadlineArmed = 0
        var count = 0
        // Where thousands dial an endpoint that does not answer, thousands of attempts end at one moment.
        while count < Self.fewDeadlines || loop.hasTime, let (index, kind) = deadlines.popDue(at: loop.now) {
            count += 1
            let connection = connections[index]
            let id = connections.id(at: index)
            switch kind {
            case .dial:
                attemptIsDue(id, connection)
            case .young:
                connection.pointee.server.keepAlive()
                hasLived(connection)
            case .delivery:
                relay(id, connection)
            case .youngHalfOpen, .halfOpen:
                if kind == .youngHalfOpen {
                    connection.pointee.server.keepAlive()
                    hasLived(connection)
                }
                halfOpenIsDue(id, connection, at: loop.now)
            }
        }
        counters.halfOpen.set(deadlines.halfOpenCount)
        if let earliest = deadlines.earliest { arm(for: earliest) }
    }
}
