internal import CLinux
internal import Glibc

/// One datagram at a time, for servers that have few. The relay uses ``DatagramBatch``.
extension UDPSocket {
    /// What one attempt to receive came to.
    public enum Arrival: Equatable, Sendable {
        /// So many bytes of the buffer (a datagram may be empty), and who sent them.
        case datagram(Int, sender: SocketAddress)
        case wouldBlock
        /// Nothing is wrong with the socket: the errno tells of a datagram that was sent earlier.
        case failed(Int32)
    }

    /// Receives the next datagram; what does not fit into `buffer` is lost.
    public static func receive(
        from socket: borrowing Descriptor, into buffer: UnsafeMutableRawBufferPointer
    ) -> Arrival {
        var sender = portico_address()
        let count = portico_receive_from(socket.raw, buffer.baseAddress, buffer.count, &sender)
        if count >= 0 { return .datagram(count, sender: SocketAddress(sender)) }
        return count == -Int(EAGAIN) ? .wouldBlock : .failed(Int32(truncatingIfNeeded: -count))
    }

    /// Sends `bytes` as one datagram. Returns 0, or the errno and nothing was sent.
    @discardableResult
    public static func send(
        _ bytes: UnsafeRawBufferPointer, to receiver: SocketAddress, through socket: borrowing Descriptor
    ) -> Int32 {
        var kernel = receiver.kernel
        let sent = portico_send_to(socket.raw, bytes.baseAddress, bytes.count, &kernel)
        return sent < 0 ? Int32(truncatingIfNeeded: -sent) : 0
    }
}
