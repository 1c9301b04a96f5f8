internal import Base
internal import EventLoop
internal import Glibc

/// A listening socket and where it is.
final class ListeningPlace {
    let socket: Descriptor
    let address: SocketAddress

    private init(_ socket: consuming Descriptor, _ address: SocketAddress) {
        self.socket = socket
        self.address = address
    }

    /// Listens at all of these that this machine has.
    static func open(_ addresses: [SocketAddress]) throws(SystemError) -> [ListeningPlace] {
        var places: [ListeningPlace] = []
        for wanted in addresses {
            let address = wanted.port == 0 ? wanted.at(port: places.first?.address.port ?? 0) : wanted
            do throws(SystemError) {
                let socket = try TCPSocket.listen(on: address)
                let chosen = try TCPSocket.localAddress(of: socket)
                places.append(ListeningPlace(socket, chosen))
            } catch {
                // A number that nobody asked for may be taken at one of them.
                let isTaken = error.isAddressInUse && wanted.port == 0
                let isAbsent = [EADDRNOTAVAIL, EAFNOSUPPORT].contains(error.code)
                guard !places.isEmpty, isTaken || isAbsent else { throw error }
            }
        }
        return places
    }
}
