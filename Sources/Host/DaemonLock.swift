public import Base
public import EventLoop
internal import Glibc

/// Held by the one process that is the service proxy of this network namespace.
///
/// It is a Unix socket with a name that is in no file system (unix(7), "abstract"): such names belong to the network
/// namespace, as the rules and ports do that two proxies would fight over, and they are free as soon as the process has
/// ended, however it did.
public final class DaemonLock: Sendable {
    public enum Failure: Error, Hashable, Sendable, CustomStringConvertible {
        /// Another process has it; its number is nil where it cannot be told, as that of one in another container.
        case held(by: Int32?)
        case system(SystemError)

        public var description: String {
            switch self {
            case .held(let process): "\(process.map { "process \($0)" } ?? "another process") keeps the lock"
            case .system(let error): "\(error)"
            }
        }
    }

    public static let standardName = "portico-daemon"
    private let socket: Guarded<Int32>

    /// - Throws: ``Failure``. A process of another user, who is not root, keeps nobody out.
    public init(name: String = DaemonLock.standardName) throws(Failure) {
        let socket = Self.open()
        guard socket >= 0 else { throw .system(SystemError("create a socket for", name, code: errno)) }
        self.socket = Guarded(socket)
        let result = Self.withAddress(name) { bind(socket, $0, $1) }
        // Whoever connects learns our number; nobody is ever answered.
        if result == 0, listen(socket, 1024) == 0 { return }
        let code = errno
        guard code == EADDRINUSE else { throw .system(SystemError("take the name", name, code: code)) }
        let holder = Self.holder(of: name)
        if let holder, holder.user != 0, holder.user != geteuid() { return }
        throw .held(by: holder.flatMap { $0.process > 0 ? $0.process : nil })
    }

    /// The lock of a process that has given this one a second descriptor of it (``share()``): it was never free in
    /// between. Those who meet it are told of this process from here on.
    public init(sharedBy former: consuming Descriptor) {
        // The kernel notes who listens when that begins (unix(7), SO_PEERCRED), and it may begin again.
        _ = listen(former.raw, 1024)
        socket = Guarded(former.release())
    }

    deinit { release() }

    /// A second descriptor, for the process that takes this one's place; nil once it was released, or if there is no
    /// room for one.
    public func share() -> Descriptor? {
        let copy = socket.withLock { $0 >= 0 ? fcntl($0, F_DUPFD_CLOEXEC, 0) : -1 }
        return copy >= 0 ? Descriptor(owning: copy) : nil
    }

    /// Lets another process have it, unless one shares it. Idempotent.
    public func release() {
        socket.withLock { socket in
            if socket >= 0 { close(socket) }
            socket = -1
        }
    }

    private static func holder(of name: String) -> (process: Int32, user: UInt32)? {
        let socket = open()
        guard socket >= 0 else { return nil }
        defer { close(socket) }
        guard withAddress(name, { connect(socket, $0, $1) }) == 0 else { return nil }
        // struct ucred, which is hidden without _GNU_SOURCE: process, user, group.
        var peer: (Int32, UInt32, UInt32) = (0, 0, 0)
        var length = socklen_t(12)
        return getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &length) == 0 ? (peer.0, peer.1) : nil
    }

    private static func open() -> Int32 {
        let type = SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue
        return Glibc.socket(AF_UNIX, Int32(type), 0)
    }

    /// With the 0 in front of the name that makes it abstract.
    private static func withAddress(_ name: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> Int32) -> Int32 {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = Array(name.utf8.prefix(100))
        withUnsafeMutableBytes(of: &address.sun_path) { $0[1...].copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + 1 + bytes.count)
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, length) }
        }
    }
}
