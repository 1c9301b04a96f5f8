internal import Base
internal import EventLoop
internal import Glibc

/// A socket for questions to the netfilter of the network namespace that the thread is in which opens it.
struct NetlinkSocket: ~Copyable {
    /// Waits no longer than this for an answer, in seconds: the kernel has them ready.
    private static let patience = 10
    private static let netlinkFamily: Int32 = 16
    private static let netfilterProtocol: Int32 = 12

    private let descriptor: Descriptor
    private var buffer = [UInt8](repeating: 0, count: 64 << 10)

    init() throws(SystemError) {
        descriptor = try Self.open()
    }

    private static func open() throws(SystemError) -> Descriptor {
        let created = socket(netlinkFamily, Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue), netfilterProtocol)
        guard created >= 0 else { throw SystemError("talk to netfilter", code: errno) }
        let descriptor = Descriptor(owning: created)
        var limit = timeval(tv_sec: patience, tv_usec: 0)
        setsockopt(created, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        return descriptor
    }

    /// Sends requests, of which each is to be answered by an acknowledgement or a list.
    func send(_ bytes: [UInt8]) throws(SystemError) {
        guard Glibc.send(descriptor.raw, bytes, bytes.count, 0) == bytes.count else {
            throw SystemError("talk to netfilter", code: errno)
        }
    }

    /// The next datagram of messages; waits for one.
    mutating func receive() throws(SystemError) -> ArraySlice<UInt8> {
        while true {
            let count = recv(descriptor.raw, &buffer, buffer.count, 0)
            if count >= 0 { return buffer[..<count] }
            let code = errno
            if code != EINTR { throw SystemError("talk to netfilter", code: code == EAGAIN ? ETIMEDOUT : code) }
        }
    }
}
