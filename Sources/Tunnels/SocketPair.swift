internal import Glibc

/// Two ends of a stream that never leaves the machine; both do not block and close on exec.
enum SocketPair {
    static func make() throws(TunnelFailure) -> (own: Int32, given: Int32) {
        var ends: [Int32] = [-1, -1]
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, kind, 0, &ends) == 0 else {
            throw TunnelFailure(code: errno, text: "no socket pair for a tunnel: \(String(cString: strerror(errno)))")
        }
        return (ends[0], ends[1])
    }

    /// Another descriptor of the same end; -1 if there are none left.
    static func another(_ end: Int32) -> Int32 { fcntl(end, F_DUPFD_CLOEXEC, 0) }
}
