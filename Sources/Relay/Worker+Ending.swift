internal import Balancing
internal import Base
internal import EventLoop
internal import Synchronization

extension Worker {
    // MARK: The end of a connection

    /// Ends a connection and gives back all it held. After a clean end both sockets are closed, otherwise reset, so
    /// that neither side takes a failure for an end of file.
    func end(_ id: Slab<Connection>.ID, _ outcome: ConnectionRecord.Outcome) {
        guard let connection = connections.find(id) else { return }
        if outcome != .completed {
            connection.pointee.client.resetOnClose()
            if connection.pointee.server.isOpen { connection.pointee.server.resetOnClose() }
        }
        cancelDeadline(id.index)
        if connection.pointee.isHeld { stopHolding(id, connection) }
        let port = connection.pointee.port
        if let endpoint = connection.pointee.endpoint {
            endpoint.open.wrappingSubtract(1, ordering: .relaxed)
            if connection.pointee.down.moved > 0 { proved(endpoint, of: port, since: connection.pointee.openedAt) }
        }
        discardPipe(&connection.pointee.upHold, of: port)
        discardPipe(&connection.pointee.downHold, of: port)
        if !connection.pointee.isEstablished { supplies.dials.giveBack(&port.has.dials) }
        supplies.connections.giveBack(&port.has.connections)
        port.counters.pointee.open.add(-1)
        counters.open.add(-1)
        count(outcome, of: port, after: loop.now - connection.pointee.openedAt)
        if isReported(outcome) { report(.connectionEnded(record(of: connection, outcome))) }

        connections.remove(id)
        roomHasAppeared(for: port)
        loadFalls()
    }

    /// Counts and tells a client that was accepted and is reset in the same moment, and so never is a connection.
    func turnedAway(_ peer: SocketAddress, of port: PortState, _ outcome: ConnectionRecord.Outcome) {
        port.counters.pointee.accepted.add()
        count(outcome, of: port, after: 0)
        guard isReported(outcome) else { return }
        report(
            .connectionEnded(
                ConnectionRecord(
                    port: port.id, client: peer, endpoint: nil, attempts: 0, bytesUp: 0, bytesDown: 0, milliseconds: 0,
                    outcome: outcome)))
    }

    /// Whoever was accepted is counted here at the end, once: so those who were accepted are those who are here and those
    /// whose end was counted.
    private func count(_ outcome: ConnectionRecord.Outcome, of port: PortState, after span: UInt64) {
        switch outcome {
        case .completed, .drained, .abandoned: break
        case .clientReset, .endpointReset, .halfOpenLimit: port.counters.pointee.broken.add()
        case .noEndpoint, .unreachable, .exhausted, .notAdmitted: port.counters.pointee.refused.add()
        }
        counters.endings.add(outcome)
        counters.lasting.add(span, DurationCells.open)
    }

    private func isReported(_ outcome: ConnectionRecord.Outcome) -> Bool {
        configuration.reportsConnections || outcome.isForWantOfSomething
    }

    private func record(
        of connection: UnsafeMutablePointer<Connection>, _ outcome: ConnectionRecord.Outcome
    ) -> ConnectionRecord {
        var record = ConnectionRecord(
            port: connection.pointee.port.id, client: connection.pointee.peer, endpoint: connection.pointee.endpoint,
            attempts: Int(connection.pointee.attempts), bytesUp: connection.pointee.up.moved,
            bytesDown: connection.pointee.down.moved, milliseconds: loop.now - connection.pointee.openedAt,
            outcome: outcome, dialError: Int32(connection.pointee.dialError))
        record.failed = failedAttempts.removeValue(forKey: UInt(bitPattern: connection)) ?? []
        return record
    }

    /// A connection that ``load`` counted has ended, or has not come after all.
    func loadFalls() {
        load.remove()
        if load.isClosedAndEmpty { goOnDraining() }
    }
}
