internal import Base
internal import EventLoop

/// The two sockets of a DNS server, on one address.
struct DNSSockets: ~Copyable {
    let listener: Descriptor
    let datagrams: Descriptor
    let address: SocketAddress

    /// With port 0 the kernel chooses one that is free for both protocols.
    init(on address: SocketAddress) throws(SystemError) {
        // The port that the kernel gives for TCP may be taken for UDP; then another one will do.
        var attempts = address.port == 0 ? 16 : 1
        while true {
            attempts -= 1
            let listener = try TCPSocket.listen(on: address, backlog: 64)
            let bound = try TCPSocket.localAddress(of: listener)
            do throws(SystemError) {
                self.datagrams = try UDPSocket.bind(to: bound)
                self.listener = listener
                self.address = bound
                return
            } catch {
                guard error.isAddressInUse, attempts > 0 else { throw error }
            }
        }
    }
}
