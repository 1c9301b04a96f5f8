internal import Balancing
internal import Base
internal import EventLoop

/// Telling endpoints who their clients are, for Services that ask for the PROXY protocol.
extension Worker {
    /// Puts the header before everything that the client of a new connection sends.
    ///
    /// It becomes what the direction holds, as if the client had sent it: a socket that takes only a part of it is then
    /// nothing special.
    func announceClient(_ connection: UnsafeMutablePointer<Connection>) {
        connection.pointee.isAnnounced = true
        guard let version = connection.pointee.port.route.policy.proxyProtocol else { return }
        let destination = try? TCPSocket.localAddress(of: connection.pointee.client)
        let header = ProxyHeader.stream(
            version, destination.flatMap { ProxyHeader(client: connection.pointee.peer, destination: $0) })
        connection.pointee.upHold.prepend(header, held: connection.pointee.up.held)
        connection.pointee.up.precede(with: header.count)
    }

    /// What goes before each datagram of a new flow; empty for nothing. There is no version 1 for UDP.
    func announcement(of key: FlowKey, through listener: Listener) -> [UInt8] {
        guard listener.port.route.policy.proxyProtocol == .v2 else { return [] }
        guard let local = try? TCPSocket.localAddress(of: listener.socket) else { return ProxyHeader.datagram(nil) }
        // Bound to no address in particular, the listener knows the port, and the datagram the address.
        let destination = key.destination.map { $0.at(port: local.port) } ?? local
        return ProxyHeader.datagram(ProxyHeader(client: key.client, destination: destination))
    }

    /// What a probe says before it ends: receivers tell it from a client by that.
    func announceProbe(_ probe: UnsafeMutablePointer<Probe>) {
        guard let version = probe.pointee.port.route.policy.proxyProtocol else { return }
        _ = ProxyHeader.own(version).withUnsafeBytes { probe.pointee.socket.write($0) }
    }
}
