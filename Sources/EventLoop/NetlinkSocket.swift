public import Base
internal import Glibc

/// A socket for questions to the kernel about the network namespace that the thread is in which opens it. The kernel
/// answers at once; who asks waits for it.
public struct NetlinkSocket: ~Copyable {
    /// Which part of the kernel is asked: `linux/netlink.h`.
    public enum Subject: Int32, Sendable {
        case sockets = 4
        case netfilter = 12
    }

    /// Waits no longer than this for an answer, in seconds: the kernel has them ready.
    private static let patience = 10
    private static let netlinkFamily: Int32 = 16

    private let subject: Subject
    private let descriptor: Descriptor
    private var buffer = [UInt8](repeating: 0, count: 64 << 10)

    public init(_ subject: Subject) throws(SystemError) {
        self.subject = subject
        descriptor = try Self.open(subject)
    }

    private static func open(_ subject: Subject) throws(SystemError) -> Descriptor {
        let created = socket(netlinkFamily, Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue), subject.rawValue)
        guard created >= 0 else { throw SystemError("ask the kernel about \(subject)", code: errno) }
        let descriptor = Descriptor(owning: created)
        var limit = timeval(tv_sec: patience, tv_usec: 0)
        setsockopt(created, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        return descriptor
    }

    /// Sends requests, of which each is to be answered by an acknowledgement or a list.
    public func send(_ bytes: [UInt8]) throws(SystemError) {
        guard Glibc.send(descriptor.raw, bytes, bytes.count, 0) == bytes.count else {
            throw SystemError("ask the kernel about \(subject)", code: errno)
        }
    }

    /// The next datagram of messages; waits for one.
    public mutating func receive() throws(SystemError) -> ArraySlice<UInt8> {
        while true {
            let count = recv(descriptor.raw, &buffer, buffer.count, 0)
            if count >= 0 { return buffer[..<count] }
            let code = errno
            if code != EINTR {
                throw SystemError("ask the kernel about \(subject)", code: code == EAGAIN ? ETIMEDOUT : code)
            }
        }
    }
}
