import EventLoop
import Glibc
import TestSupport

/// Many streams through a relay at once, as fast as they go: a blocking thread at each end of each, since one for all would
/// be slower than the relay.
final class BulkLoad: Sendable {
    /// Where the streams arrive.
    let sink: UInt16
    private let listener: Socket
    private let senders = Locked<[Socket]>([])

    /// A socket that blocks, and that several threads know.
    private final class Socket: Sendable {
        let descriptor: Descriptor

        init(_ descriptor: consuming Descriptor) {
            _ = fcntl(descriptor.raw, F_SETFL, 0)
            self.descriptor = descriptor
        }

        /// Wakes who is blocked in it.
        func end() { _ = shutdown(descriptor.raw, Int32(SHUT_RDWR)) }
    }

    /// Takes in whatever comes to ``sink``.
    init() throws {
        listener = Socket(try TCPSocket.listen(on: .loopback(port: 0)))
        sink = try TCPSocket.localAddress(of: listener.descriptor).port
        try spawnThread { [listener] in
            while case .accepted(let accepted, _) = TCPSocket.accept(from: listener.descriptor) {
                let socket = Socket(accepted)
                try? spawnThread(stackBytes: 128 << 10) { Self.takeAll(from: socket) }
            }
        }
    }

    /// Opens `count` streams to `port`, which leads to ``sink``, and keeps all of them busy until ``stop()``.
    func start(_ count: Int, through port: UInt16) throws {
        for _ in 0..<count {
            let sender = Socket(try TCPSocket.dial(.loopback(port: port)))
            senders.withLock { $0.append(sender) }
            try spawnThread(stackBytes: 128 << 10) { Self.sendAlways(to: sender) }
        }
    }

    func stop() {
        listener.end()
        for sender in senders.withLock({ $0 }) { sender.end() }
    }

    private static let chunk = [UInt8](repeating: 7, count: 128 << 10)

    private static func sendAlways(to socket: Socket) {
        while case .moved = chunk.withUnsafeBytes({ socket.descriptor.write($0) }) {}
    }

    private static func takeAll(from socket: Socket) {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 << 10, alignment: 16)
        defer { buffer.deallocate() }
        while case .moved = socket.descriptor.read(into: buffer) {}
    }
}
