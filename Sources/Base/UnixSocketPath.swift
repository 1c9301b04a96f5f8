public import Glibc

/// The path of a Unix socket, as others see it.
public enum UnixSocketPath {
    /// The kernel's limit, in bytes.
    public static let longest = 107

    /// Whether somebody listens there, be it for others only. Does not wait.
    ///
    /// - Parameter kind: SOCK_STREAM, or SOCK_SEQPACKET.
    public static func isAnswered(_ path: String, _ kind: __socket_type = SOCK_STREAM) -> Bool {
        guard path.utf8.count <= longest else { return false }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let flags = Int32(SOCK_CLOEXEC.rawValue) | Int32(SOCK_NONBLOCK.rawValue)
        let socket = Glibc.socket(AF_UNIX, Int32(kind.rawValue) | flags, 0)
        guard socket >= 0 else { return false }
        defer { close(socket) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(socket, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0 || errno == EAGAIN
                    || errno == EACCES
            }
        }
    }
}
