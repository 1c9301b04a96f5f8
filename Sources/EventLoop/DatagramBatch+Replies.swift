internal import CLinux
internal import Glibc

/// For servers that answer a datagram with one of their own making.
extension DatagramBatch {
    /// What slot `slot` received.
    public func datagram(_ slot: Int) -> [UInt8] { Array(bytes(slot)) }

    /// Sends `bytes` to the sender of the datagram in `slot`, from the address that it was sent to, and leaves them
    /// there in its place.
    ///
    /// - Returns: 0, or an errno and nothing was sent.
    public mutating func reply(to slot: Int, with bytes: [UInt8], through socket: borrowing Descriptor) -> Int32 {
        let filled = bytes.withUnsafeBytes { portico_batch_fill(batch, Int32(slot), $0.baseAddress, $0.count) }
        guard filled == 0 else { return -filled }
        return withUnsafePointer(to: UInt16(slot)) {
            send(UnsafeBufferPointer(start: $0, count: 1), through: socket, to: peer(slot), from: destination(slot))
        }
    }
}
