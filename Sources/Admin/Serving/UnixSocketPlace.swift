internal import Base
internal import Glibc

/// The path of a Unix socket.
struct UnixSocketPlace {
    let path: String
    /// What stands there as long as it is ours; nil if it is not.
    private let own: ino_t?

    /// - Parameter isOurs: the socket there has just been made by this process.
    init(_ path: String, isOurs: Bool = false) {
        self.path = path
        own = isOurs ? Self.status(path)?.st_ino : nil
    }

    private static func status(_ path: String) -> stat? {
        var status = stat()
        return lstat(path, &status) == 0 ? status : nil
    }

    /// Makes a socket there that its owner alone may use, from its first moment. Not by NIO, which would take away whatever
    /// is at the path when it closes, the next process's too.
    ///
    /// - Parameter replacing: also a socket at which another process listens: that one goes on serving those who are
    ///   connected.
    /// - Returns: a listening socket that belongs to the caller.
    func listen(replacing: Bool) throws -> Int32 {
        try prepare(replacing: replacing)
        let socket = Glibc.socket(AF_UNIX, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard socket >= 0 else { throw SystemError("make a socket for", path, code: errno) }
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        // Of a socket without a path yet, the kernel takes this for the file that it makes (unix_bind).
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { pointer in
                fchmod(socket, 0o600) == 0 && bind(socket, pointer, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0
                    && Glibc.listen(socket, 64) == 0
            }
        }
        guard result else {
            let code = errno
            close(socket)
            throw SystemError("listen on", path, code: code)
        }
        return socket
    }

    /// Has a socket make room that somebody has left behind.
    private func prepare(replacing: Bool) throws(AdminServer.Failure) {
        guard path.utf8.count <= UnixSocketPath.longest else {
            throw AdminServer.Failure(
                description:
                    "the path of a Unix socket has at most \(UnixSocketPath.longest) bytes, and this has \(path.utf8.count)",
                isInUse: false)
        }
        guard let status = Self.status(path) else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else {
            throw AdminServer.Failure(description: "something that is no socket is there already", isInUse: false)
        }
        guard replacing || !UnixSocketPath.isAnswered(path) else {
            throw AdminServer.Failure(description: "another process listens there", isInUse: true)
        }
        unlink(path)
    }

    /// Takes it away, unless another process has taken the path.
    func leave() {
        if let own, Self.status(path)?.st_ino == own { unlink(path) }
    }
}
