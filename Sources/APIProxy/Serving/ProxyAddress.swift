internal import Base
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
        guard !UnixSocketPath.isAnswered(path) else {
            throw ProxyFailure("somebody listens on \(path) already: name another --unix-socket")
        }
        unlink(path)
    }
}

/// Why a proxy cannot begin. For people.
public struct ProxyFailure: Error, Hashable, Sendable, CustomStringConvertible {
    public let description: String

    init(_ description: String) { self.description = description }
}
