internal import Glibc

/// An IPv4 or IPv6 address with a port, in the form the socket calls take.
///
/// Tests of `EventLoop` and `Services` use these peers, so the peers cannot use those modules' own address types: an
/// error there would hide itself.
struct SocketAddress: Sendable, CustomStringConvertible {
    private var storage = sockaddr_storage()
    let host: String
    let port: UInt16

    var family: Int32 { Int32(storage.ss_family) }
    var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    init(_ host: String, _ port: UInt16) throws(PeerError) {
        self.host = host
        self.port = port
        let parsed = withUnsafeMutableBytes(of: &storage) { bytes -> Bool in
            if host.contains(":") {
                var address = sockaddr_in6()
                address.sin6_family = sa_family_t(AF_INET6)
                address.sin6_port = port.bigEndian
                guard inet_pton(AF_INET6, host, &address.sin6_addr) == 1 else { return false }
                bytes.storeBytes(of: address, as: sockaddr_in6.self)
            } else {
                var address = sockaddr_in()
                address.sin_family = sa_family_t(AF_INET)
                address.sin_port = port.bigEndian
                guard inet_pton(AF_INET, host, &address.sin_addr) == 1 else { return false }
                bytes.storeBytes(of: address, as: sockaddr_in.self)
            }
            return true
        }
        guard parsed else { throw .unexpected("\(host) is not an IP address") }
    }

    /// The address a socket is bound to, asked for after binding to port 0.
    static func local(of socket: PeerSocket) throws(PeerError) -> SocketAddress {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let status = withUnsafeMutableBytes(of: &storage) { bytes -> Int32 in
            guard let base = bytes.baseAddress else { return -1 }
            return getsockname(socket.descriptor, base.assumingMemoryBound(to: sockaddr.self), &length)
        }
        guard status == 0 else { throw PeerError.last("getsockname") }
        return try SocketAddress(storage)
    }

    init(_ storage: sockaddr_storage) throws(PeerError) {
        var storage = storage
        var text = [CChar](repeating: 0, count: Int(INET6_ADDRSTRLEN))
        let family = Int32(storage.ss_family)
        let port = withUnsafeBytes(of: &storage) { bytes -> UInt16 in
            // The address stands behind family and port, and in IPv6 behind the flow label too.
            let offset = family == AF_INET6 ? 8 : 4
            if let base = bytes.baseAddress { inet_ntop(family, base + offset, &text, socklen_t(text.count)) }
            return UInt16(bigEndian: bytes.loadUnaligned(fromByteOffset: 2, as: UInt16.self))
        }
        let host = String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        try self.init(host, port)
    }

    func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        let size = family == AF_INET6 ? MemoryLayout<sockaddr_in6>.size : MemoryLayout<sockaddr_in>.size
        return withUnsafePointer(to: storage) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(size)) }
        }
    }
}
