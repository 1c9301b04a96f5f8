public import Base
internal import CLinux
internal import Glibc

/// Buffers for many datagrams, filled by one system call and sent on by as few as possible. One loop's thread.
///
/// Slots are numbered from 0. What a slot holds is good until the next ``receive(from:)``.
public struct DatagramBatch: ~Copyable {
    /// Datagrams in one call, at most.
    public static let slots = 32
    /// The largest number of datagrams that may be joined (UDP_MAX_SEGMENTS), and of bytes that they may come to.
    public static let mostJoined = 64
    public static let mostJoinedBytes = 65_000

    let batch: OpaquePointer

    public init() throws(SystemError) {
        guard let batch = portico_batch_new(Int32(Self.slots)) else {
            throw SystemError("make room for datagrams", code: ENOMEM)
        }
        self.batch = batch
    }

    deinit {
        portico_batch_free(batch)
    }

    /// What receiving came to.
    public enum Reception: Equatable, Sendable {
        /// So many slots are filled; fewer than ``slots`` mean that the socket is empty.
        case received(Int)
        case wouldBlock
        /// Nothing is wrong with the socket: the errno tells of a datagram that was sent earlier.
        case failed(Int32)
    }

    @inline(__always)
    public mutating func receive(from socket: borrowing Descriptor) -> Reception {
        let count = portico_batch_receive(batch, socket.raw)
        if count > 0 { return .received(Int(count)) }
        if count == 0 || count == -EAGAIN || count == -EINTR { return .wouldBlock }
        return .failed(-count)
    }

    @inline(__always)
    public func length(_ slot: Int) -> Int {
        Int(portico_batch_length(batch, Int32(slot)))
    }

    @inline(__always)
    public func peer(_ slot: Int) -> SocketAddress {
        var address = portico_address()
        portico_batch_peer(batch, Int32(slot), &address)
        return SocketAddress(address)
    }

    /// The local address that the datagram was sent to (with port 0), on a socket that is bound to the wildcard.
    @inline(__always)
    public func destination(_ slot: Int) -> SocketAddress? {
        var address = portico_address()
        portico_batch_destination(batch, Int32(slot), &address)
        return address.family == 0 ? nil : SocketAddress(address)
    }

    public func bytes(_ slot: Int) -> UnsafeRawBufferPointer {
        UnsafeRawBufferPointer(start: portico_batch_bytes(batch, Int32(slot)), count: length(slot))
    }

    /// Sends the datagram in `slot` with `header` before it, on a connected socket.
    ///
    /// - Returns: 0, or an errno and nothing was sent; `EMSGSIZE` if the two together are too large for a datagram.
    public func send(_ slot: Int, after header: [UInt8], through socket: borrowing Descriptor) -> Int32 {
        header.withUnsafeBytes {
            -portico_batch_send_after(batch, socket.raw, Int32(slot), $0.baseAddress, $0.count)
        }
    }

    /// Sends the datagrams in `slots` in one call, joined by UDP_SEGMENT if there are several; then all must have the
    /// first one's length, except that the last may be shorter.
    ///
    /// - Parameters:
    ///   - peer: whom to; nil on a connected socket.
    ///   - source: the local address to send from; nil leaves it to the socket.
    /// - Returns: 0, or an errno and nothing was sent. `EINVAL` and `EIO` with several slots mean that the way to the
    ///   peer does not do segmentation: send them one by one.
    @inline(__always)
    public func send(
        _ slots: UnsafeBufferPointer<UInt16>, through socket: borrowing Descriptor, to peer: SocketAddress? = nil,
        from source: SocketAddress? = nil
    ) -> Int32 {
        var kernelPeer = portico_address()
        var kernelSource = portico_address()
        if let peer { kernelPeer = peer.kernel }
        if let source { kernelSource = source.kernel }
        return withUnsafePointer(to: kernelPeer) { peerPointer in
            -portico_batch_send(
                batch, socket.raw, slots.baseAddress, Int32(slots.count), peer == nil ? nil : peerPointer, &kernelSource
            )
        }
    }
}
