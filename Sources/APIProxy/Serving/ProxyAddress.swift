internal import Glibc
internal import HummingbirdCore

/// Where a proxy listens.
public enum ProxyAddress: Hashable, Sendable {
    /// - Parameter port: 0 for any that is free.
    case port(host: String, port: UInt16)
    case unixSocket(path: String)

    var bindAddress: BindAddress {
        switch self {
        case .port(let host, let port): .hostname(host, port: Int(port))
        case .unixSocket(let path): .unixDomainSocket(path: path)
        }
    }

    /// Has a socket that somebody has left behind make room.
    ///
    /// - Throws: ``ProxyFailure`` if something else is there, or somebody still listens.
    func prepare() throws(ProxyFailure) {
        guard case .unixSocket(let path) = self else { return }
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw ProxyFailure("\(path) is there already, and is no socket: name another --unix-socket")
        }
        guard !isAnswered(path) else {
            throw ProxyFailure("somebody listens on \(path) already: name another --unix-socket")
        }
        unlink(path)
    }

    private func isAnswered(_ path: String) -> Bool {
        var address = sockaddr_un()
        let bytes = Array(path.utf8)
        guard bytes.count < MemoryLayout.size(ofValue: address.sun_path) else { return false }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
            }
        }
    }
}

/// Why a proxy cannot begin. For people.
public struct ProxyFailure: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
