internal import Base
internal import EventLoop
internal import Glibc

/// The place, on loopback mostly, that stands in for one port of a pod. It keeps the port for as long as it lives, also
/// while the pod is down: nobody else gets it then, connections are refused, and the pod comes back where it was.
final class StandIn: Sendable {
    let podName: String
    /// `127.0.0.1` and a port of the kernel's choice unless another was asked for; the same for TCP and UDP.
    let address: SocketAddress
    private let reservation: Descriptor

    /// Attempts to find a port that is free for TCP and UDP alike.
    private static let mostAttempts = 16

    private init(podName: String, at wanted: SocketAddress) throws(SystemError) {
        self.podName = podName
        reservation = try TCPSocket.reserve(wanted)
        address = try TCPSocket.localAddress(of: reservation)
    }

    /// A stand-in at an address of the caller's choice, and its sockets.
    static func open(podName: String, at address: SocketAddress) throws(SystemError) -> (StandIn, OpenSockets) {
        let standIn = try StandIn(podName: podName, at: address)
        return (standIn, try standIn.openSockets())
    }

    /// A stand-in on a port of its own, and its sockets. Any thread.
    static func open(podName: String, below ceiling: Int) throws(SystemError) -> (StandIn, OpenSockets) {
        var attempts = 1
        while true {
            let standIn = try StandIn(podName: podName, at: .loopback(port: 0))
            do throws(SystemError) {
                let sockets = try standIn.openSockets()
                guard max(sockets.listener.raw, sockets.datagrams.raw) < ceiling else {
                    throw SystemError("start the demo pod", podName, code: EMFILE)
                }
                return (standIn, sockets)
            } catch {
                guard error.isAddressInUse, attempts < mostAttempts else { throw error }
                attempts += 1
            }
        }
    }

    /// The sockets of a pod that is up.
    func openSockets() throws(SystemError) -> OpenSockets {
        try OpenSockets(at: address)
    }
}

/// What a pod that is up listens with; closed together.
final class OpenSockets: Sendable {
    let listener: Descriptor
    let datagrams: Descriptor

    fileprivate init(at address: SocketAddress) throws(SystemError) {
        listener = try TCPSocket.listen(on: address)
        datagrams = try UDPSocket.bind(to: address)
    }
}
