internal import Base
internal import EventLoop
internal import Glibc

/// Sockets that listen at one address together (SO_REUSEPORT), one for each worker that is to take clients from there.
///
/// All of them are bound before any of them listens: were one closed again because another cannot be had, clients that
/// had come to it in between would be reset.
enum SharedSockets {
    /// Opens `count` sockets at `address`; they are the caller's.
    ///
    /// - Parameter ceiling: descriptors of this number and above are not taken.
    /// - Returns: the sockets, and their address with the port that the kernel chose if it was to choose one.
    static func open(
        _ transport: TransportProtocol, on address: SocketAddress, count: Int, below ceiling: Int
    ) throws(SystemError) -> (sockets: [Int32], address: SocketAddress) {
        var sockets: [Int32] = []
        do throws(SystemError) {
            let first = try bind(transport, to: address)
            let chosen = try TCPSocket.localAddress(of: first)
            // Only now: sockets of one user share an address, those of another program too, if all say so. One that
            // does not say so when it is bound finds out whether the address is free.
            try first.sharePort(at: chosen)
            sockets.append(first.release())
            while sockets.count < count { sockets.append(try bind(transport, to: chosen, shared: true).release()) }
            guard sockets.allSatisfy({ $0 < ceiling }) else {
                throw SystemError("listen on", chosen.description, code: EMFILE)
            }
            if transport == .tcp {
                for socket in sockets { try TCPSocket.startListening(socket, at: chosen) }
            }
            return (sockets, chosen)
        } catch {
            for socket in sockets { _ = Descriptor(owning: socket) }
            throw error
        }
    }

    private static func bind(
        _ transport: TransportProtocol, to address: SocketAddress, shared: Bool = false
    ) throws(SystemError) -> Descriptor {
        switch transport {
        case .udp: try UDPSocket.bind(to: address, shared: shared)
        case .tcp, .sctp: try TCPSocket.bind(to: address, shared: shared)
        }
    }
}
