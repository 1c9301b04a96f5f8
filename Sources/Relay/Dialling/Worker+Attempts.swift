internal import Balancing
internal import Base
internal import EventLoop
internal import Glibc
internal import Synchronization

/// Finding an endpoint for a client: up to four attempts, each with a new endpoint and its own time limit
/// (docs/behaviour.md, B5.2). Nothing is read from the client meanwhile, so a failed attempt has nothing to undo, and
/// one client's slow endpoint delays nobody else.
extension Worker {
    /// Begins the next attempt for a new or disappointed client; goes on to relaying at once if the connection stands
    /// already, as it usually does within one machine.
    func dial(_ id: Slab<Connection>.ID, _ connection: UnsafeMutablePointer<Connection>) {
        while Int(connection.pointee.attempts) < DialAttempts.timeouts.count {
            let client = IPAddress(connection.pointee.peer)
            let failures = Int(connection.pointee.attempts)
            guard let endpoint = connection.pointee.port.route.pick(for: client, attempt: failures, at: loop.now) else {
                return endpointIsMissing(id, connection)
            }
            connection.pointee.attempts += 1
            connection.pointee.endpoint = endpoint
            endpoint.open.wrappingAdd(1, ordering: .relaxed)
            do throws(SystemError) {
                let token = Token(.endpoint, id, attempt: connection.pointee.attempts)
                let port = connection.pointee.port
                switch try begin(token, to: endpoint, of: port, for: client, &connection.pointee.server) {
                case .connected: return established(id, connection)
                case .pending: return awaitConnect(id, connection)
                case .failed(let code): attemptFailed(connection, code)
                }
            } catch {
                // The client may have taken the last descriptor: there is one in reserve for that.
                connection.pointee.attempts -= 1
                connection.pointee.endpoint = nil
                endpoint.open.wrappingSubtract(1, ordering: .relaxed)
                guard pressure.lendForDial() else { return end(id, .exhausted) }
            }
        }
        end(id, .unreachable)
    }

    /// Something happened on the socket of the attempt under way.
    func dialEvent(
        _ id: Slab<Connection>.ID, _ connection: UnsafeMutablePointer<Connection>, _ readiness: Readiness
    ) {
        let state = dialState(of: connection)
        // The same event may tell that it has spoken already, and no other would.
        if state == .connected { connection.pointee.down.sourceHas(readiness) }
        attemptEnded(id, connection, state)
    }

    /// The time of the attempt under way is over. The endpoint may have answered long ago: if this process was stopped
    /// or kept from running for so long, the event that tells of it still waits. So the socket is asked first.
    func attemptIsDue(_ id: Slab<Connection>.ID, _ connection: UnsafeMutablePointer<Connection>) {
        let state = dialState(of: connection)
        attemptEnded(id, connection, state == .pending ? .failed(ETIMEDOUT) : state)
    }

    /// The attempt under way has come to its end, unless it is still pending.
    func attemptEnded(
        _ id: Slab<Connection>.ID, _ connection: UnsafeMutablePointer<Connection>, _ state: TCPSocket.DialState
    ) {
        switch state {
        case .pending: return
        case .connected: established(id, connection)
        case .failed(let code):
            cancelDeadline(id.index)
            attemptFailed(connection, code)
            dial(id, connection)
        }
    }

    private func dialState(of connection: UnsafeMutablePointer<Connection>) -> TCPSocket.DialState {
        guard let endpoint = connection.pointee.endpoint else { return .pending }
        return dialState(of: connection.pointee.server, to: endpoint)
    }

    private func awaitConnect(_ id: Slab<Connection>.ID, _ connection: UnsafeMutablePointer<Connection>) {
        guard watch(id, connection) else { return end(id, .exhausted) }
        guard let endpoint = connection.pointee.endpoint else { return }
        let kind = kind(of: endpoint, of: connection.pointee.port)
        setDeadline(.dial(kind.limit(ofAttempt: Int(connection.pointee.attempts))), id.index)
    }

    private func established(_ id: Slab<Connection>.ID, _ connection: UnsafeMutablePointer<Connection>) {
        cancelDeadline(id.index)
        connection.pointee.isEstablished = true
        counters.dials.add(.connected)
        counters.connecting.add(loop.now - connection.pointee.openedAt, DurationCells.connecting)
        let port = connection.pointee.port
        supplies.dials.giveBack(&port.has.dials)
        if let endpoint = connection.pointee.endpoint, !kind(of: endpoint, of: port).isTunnel {
            reached(endpoint, of: port)
        }
        // What comes once more begins with that.
        if !connection.pointee.isAnnounced { announceClient(connection) }
        // The endpoint's socket joins the loop after the first exchange: by then it is known what is missing.
        relay(id, connection)
        guard connections.find(id) != nil else { return }
        guard watch(id, connection) else { return end(id, .exhausted) }
        if !deadlines.isSet(id.index) { setDeadline(.young, id.index) }
        roomHasAppeared(for: port)
    }

    /// Registers both sockets, as far as they are not; false if the kernel has no memory for that.
    private func watch(_ id: Slab<Connection>.ID, _ connection: UnsafeMutablePointer<Connection>) -> Bool {
        do throws(SystemError) {
            if !connection.pointee.isWatchingClient {
                try loop.watch(connection.pointee.client, token: Token(.client, id).raw)
                connection.pointee.isWatchingClient = true
            }
            // A tunnel has not delivered it yet, maybe.
            if !connection.pointee.isWatchingServer, connection.pointee.server.isOpen {
                let token = Token(.endpoint, id, attempt: connection.pointee.attempts)
                try loop.watch(connection.pointee.server, token: token.raw)
                connection.pointee.isWatchingServer = true
            }
            return true
        } catch {
            return false
        }
    }

    func attemptFailed(_ connection: UnsafeMutablePointer<Connection>, _ code: Int32) {
        guard let endpoint = connection.pointee.endpoint else { return }
        connection.pointee.server = .none
        connection.pointee.isWatchingServer = false
        connection.pointee.endpoint = nil
        if connection.pointee.dialError == 0 || DialFailure.isSilent(Int32(connection.pointee.dialError)) {
            connection.pointee.dialError = UInt8(clamping: code)
        }
        endpoint.open.wrappingSubtract(1, ordering: .relaxed)
        eject(endpoint, of: connection.pointee.port)
        let port = connection.pointee.port
        port.counters.pointee.dialFailures.add()
        counters.dials.add(DialResult(errno: code))
        let attempt = Int(connection.pointee.attempts)
        let failure = DialFailure(
            port: port.id, endpoint: endpoint, attempt: attempt, code: code,
            limit: DialKind.limits[kind(of: endpoint, of: port).limit(ofAttempt: attempt)])
        if configuration.reportsConnections {
            failedAttempts[UInt(bitPattern: connection), default: []].append(failure)
        }
        report(.dialFailed(failure))
    }
}
