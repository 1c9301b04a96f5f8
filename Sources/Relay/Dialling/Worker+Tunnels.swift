internal import Balancing
internal import Base
internal import EventLoop
internal import Glibc

/// What tunnels deliver, and take back.
///
/// A tunnel through an API server hears of a refusal only after it could have carried the first bytes. If it waited for
/// that, each connection would be later by as much. So it delivers at once, and if nothing has come back by then, the
/// refusal is one more failed attempt after all: what the client has said is still there, and goes to the next endpoint.
extension Worker {
    func take(_ end: TunnelEnd, _ token: Token) {
        switch end {
        case .connected(let raw): connected(Descriptor(owning: raw), token)
        case .failed(let code): if isAwaited(token) { conclude(token, .failed(code)) }
        case .withdrawn(let code, let taken, let rest):
            if token.kind == .probe {
                end.close()
                withdraw(token, code)
            } else {
                withdraw(token, code, taken, Descriptor(owning: rest))
            }
        case .broken(let code): tunnelBroke(token, code)
        }
    }

    private func connected(_ socket: consuming Descriptor, _ token: Token) {
        guard isAwaited(token) else { return }
        if token.kind == .probe {
            probes.find(token.probe)?.pointee.socket = socket
        } else {
            connections.find(token.connection)?.pointee.server = socket
        }
        conclude(token, .connected)
    }

    /// Whether the attempt still waits for its socket.
    private func isAwaited(_ token: Token) -> Bool {
        if token.kind == .probe {
            guard let probe = probes.find(token.probe) else { return false }
            return probe.pointee.isUnderWay && !probe.pointee.socket.isOpen
                && probe.pointee.attempts & 3 == token.attempt
        }
        guard let connection = connections.find(token.connection) else { return false }
        return connection.pointee.endpoint != nil && !connection.pointee.isEstablished
            && !connection.pointee.server.isOpen && connection.pointee.attempts & 3 == token.attempt
    }

    // MARK: Taking back

    /// The connection that goes by the delivery of this attempt.
    private func established(by token: Token) -> UnsafeMutablePointer<Connection>? {
        guard token.kind != .probe, let connection = connections.find(token.connection),
            connection.pointee.isEstablished, connection.pointee.attempts & 3 == token.attempt
        else { return nil }
        return connection
    }

    /// A probe's connection was no sign of life.
    private func withdraw(_ token: Token, _ code: Int32) {
        guard let probe = probes.find(token.probe), probe.pointee.isUnderWay,
            probe.pointee.attempts & 3 == token.attempt
        else { return }
        conclude(token, .failed(code))
    }

    /// Gives the client of an endpoint that has not taken it to the next one.
    private func withdraw(_ token: Token, _ code: Int32, _ taken: [UInt8], _ rest: consuming Descriptor) {
        guard let connection = established(by: token) else { return }
        let id = token.connection
        guard connection.pointee.down.isUntouched, connection.pointee.up.phase != .failed,
            resend(taken + rest.readAll(into: buffer), connection)
        else { return end(id, .endpointReset) }
        connection.pointee.down = Direction(sourceReady: false)
        connection.pointee.isEstablished = false
        supplies.dials.take(&connection.pointee.port.has.dials)
        cancelDeadline(id.index)
        attemptFailed(connection, code)
        dial(id, connection)
    }

    /// - Returns: false if what the connection holds cannot be moved now.
    private func resend(_ unsent: [UInt8], _ connection: UnsafeMutablePointer<Connection>) -> Bool {
        if connection.pointee.upHold.pipe != nil {
            let holder = PipePool.Holder(connection, isUp: true)
            guard unload(connection.pointee.up.held, &connection.pointee.upHold, of: holder) else { return false }
        }
        connection.pointee.upHold.prepend(unsent, held: connection.pointee.up.held)
        connection.pointee.up.beginAnew(with: unsent.count)
        return true
    }

    /// A tunnel that had begun to answer has broken.
    private func tunnelBroke(_ token: Token, _ code: Int32) {
        guard let connection = established(by: token) else { return }
        connection.pointee.up.sinkIsLost(code)
        relay(token.connection, connection, on: .turn)
    }
}

extension TunnelEnd {
    /// Nobody wants it.
    func close() {
        switch self {
        case .connected(let raw), .withdrawn(_, _, let raw): _ = Descriptor(owning: raw)
        case .failed, .broken: break
        }
    }
}

extension Descriptor {
    /// What can be read now, whatever its size.
    fileprivate borrowing func readAll(into buffer: UnsafeMutableRawBufferPointer) -> [UInt8] {
        var bytes: [UInt8] = []
        while case .moved(let count) = read(into: buffer) {
            bytes.append(contentsOf: UnsafeRawBufferPointer(rebasing: buffer[..<count]))
        }
        return bytes
    }
}
