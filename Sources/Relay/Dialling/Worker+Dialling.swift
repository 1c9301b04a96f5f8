internal import Balancing
internal import Base
internal import EventLoop
internal import Glibc

/// One attempt to reach an endpoint, for a client (``Worker/dial(_:_:)``) or for a probe, in any of the ways of
/// ``DialKind``:
///
///     begin ──▸ connected or failed at once, or pending
///     pending ──▸ an event on its socket, the delivery of a tunnel, or the end of its time ──▸ conclude
///
/// A token says whose it is, and which attempt of theirs: what comes for one that was given up finds nobody.
extension Worker {
    /// How an endpoint is reached.
    @inline(__always)
    func kind(of endpoint: Endpoint, of port: PortState) -> DialKind {
        if let tunnels = configuration.tunnels, let tunnel = tunnels(port.id, endpoint) { return .tunnel(tunnel) }
        return endpoint.standIn == nil ? .socket : .standIn
    }

    /// Begins an attempt. One that is pending on return has a socket that the caller watches by `token`, or else is a
    /// tunnel's.
    ///
    /// - Parameters:
    ///   - client: whose address the endpoint is to see, if that is wanted; nil for a probe.
    ///   - socket: gets the attempt's socket; none if it failed at once, or is still to be delivered.
    /// - Throws: this machine lacks something, and the endpoint is not to blame.
    func begin(
        _ token: Token, to endpoint: Endpoint, of port: PortState, for client: IPAddress?, _ socket: inout Descriptor
    ) throws(SystemError) -> TCPSocket.DialState {
        switch kind(of: endpoint, of: port) {
        case .socket, .standIn:
            do throws(SystemError) {
                if let client {
                    socket = try self.socket(to: endpoint, of: port, for: client, TCPSocket.dial(_:from:))
                } else {
                    socket = try TCPSocket.dial(SocketAddress(endpoint.dialAddress))
                }
            } catch {
                guard !error.isLocalExhaustion else { throw error }
                return .failed(error.code)
            }
            return dialState(of: socket, to: endpoint)
        case .tunnel(let tunnel):
            socket = .none
            tunnel { [weak self] end in
                let isTaken = self?.loop.execute { [weak self] in
                    if let self { take(end, token) } else { end.close() }
                }
                if isTaken != true { end.close() }
            }
            return .pending
        }
    }

    /// An attempt has come to its end, unless it is still pending: whoever it was for goes on.
    func conclude(_ token: Token, _ state: TCPSocket.DialState) {
        if token.kind == .probe {
            if let probe = probes.find(token.probe) { probeEnded(token.probe, probe, state) }
        } else if let connection = connections.find(token.connection) {
            attemptEnded(token.connection, connection, state)
        }
    }

    /// How a connection under way to an endpoint stands.
    func dialState(of socket: borrowing Descriptor, to endpoint: Endpoint) -> TCPSocket.DialState {
        guard socket.isOpen else { return .pending }
        let state = TCPSocket.dialState(of: socket)
        guard state == .connected, isItsOwnPeer(socket, endpoint) else { return state }
        // Its port is the endpoint's, and must be free again at once for whoever comes to listen there.
        socket.resetOnClose()
        return .failed(ECONNREFUSED)
    }

    /// Whether a socket is connected to itself. That happens where nobody listens at a port of this machine and the
    /// kernel chooses just that port to connect from: TCP then takes it for two sides that connect to each other at the
    /// same time, and UDP does not mind at all.
    func isItsOwnPeer(_ socket: borrowing Descriptor, _ endpoint: Endpoint) -> Bool {
        // Most endpoints have ports that the kernel never chooses, and cost no question.
        guard endpoint.dialAddress.port >= firstChosenPort else { return false }
        let peer = SocketAddress(endpoint.dialAddress)
        return (try? TCPSocket.localAddress(of: socket)) == peer
    }
}

extension SystemError {
    /// This machine lacks something; the endpoint is not to blame.
    var isLocalExhaustion: Bool {
        [EMFILE, ENFILE, ENOBUFS, ENOMEM].contains(code)
    }
}
