internal import Glibc

/// A TCP socket of this process, whoever made it: for what a socket's owner has set on it, which nobody sees from outside.
///
/// Ports tell whose it is, since tests run side by side and no two of them have the same.
public struct OpenSocket: Sendable {
    private let descriptor: Int32
    public let localPort: UInt16
    /// nil: it is not connected, a listener for example.
    public let peerPort: UInt16?

    public static func all() -> [OpenSocket] {
        Descriptors.numbers().compactMap { descriptor in
            guard let local = port(descriptor, getsockname) else { return nil }
            return OpenSocket(descriptor: descriptor, localPort: local, peerPort: port(descriptor, getpeername))
        }
    }

    /// The socket that was accepted at a port of this process.
    public static func accepted(at port: UInt16) -> OpenSocket? {
        all().first { $0.localPort == port && $0.peerPort != nil }
    }

    /// The socket that was connected to a port.
    public static func connected(to port: UInt16) -> OpenSocket? {
        all().first { $0.peerPort == port }
    }

    public static func listening(at port: UInt16) -> OpenSocket? {
        all().first { $0.localPort == port && $0.peerPort == nil }
    }

    /// The value of an option that is a number.
    public func option(_ level: Int32, _ name: Int32) -> Int32? {
        var value: Int32 = -1
        var length = socklen_t(MemoryLayout<Int32>.size)
        return getsockopt(descriptor, level, name, &value, &length) == 0 ? value : nil
    }

    private typealias Question = (Int32, UnsafeMutablePointer<sockaddr>, UnsafeMutablePointer<socklen_t>) -> Int32

    private static func port(_ descriptor: Int32, _ ask: Question) -> UInt16? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let status = withUnsafeMutablePointer(to: &storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { ask(descriptor, $0, &length) }
        }
        guard status == 0, [AF_INET, AF_INET6].contains(Int32(storage.ss_family)) else { return nil }
        return (try? SocketAddress(storage))?.port
    }
}
