public import Base
internal import Glibc

/// Tells at once of changes that other processes make, as far as the kernel reports them over netlink, so that nobody
/// has to look again and again. On a thread of its own.
public final class KernelNews: Sendable {
    /// What is listened to: protocol and groups of netlink(7).
    public struct Channel: Sendable {
        let number: Int32
        let groups: UInt32
        let name: String

        /// Of the rules that nftables and iptables over it have: NETLINK_NETFILTER, of which bit 6 stands for group 7,
        /// NFNLGRP_NFTABLES.
        public static let nftables = Channel(number: 12, groups: 1 << 6, name: "firewall")
        /// Of interfaces and their addresses: NETLINK_ROUTE, with RTMGRP_LINK, RTMGRP_IPV4_IFADDR and
        /// RTMGRP_IPV6_IFADDR.
        public static let addresses = Channel(number: 0, groups: 0x1 | 0x10 | 0x100, name: "addresses")
    }

    /// One element for any number of news since the last one was taken.
    public let news: AsyncStream<Void>

    private static let netlinkFamily: Int32 = 16

    private let loop: EventLoop
    private let thread: LoopThread

    /// Begins to listen, in the network namespace of the calling thread.
    ///
    /// - Parameter isNews: whether messages are worth telling; called with what one read gave, on the thread of this
    ///   object, or with nil in the place of messages that the kernel had no room for.
    /// - Throws: ``SystemError`` where the kernel does not tell, or it is forbidden.
    public init(_ channel: Channel, isNews: @escaping @Sendable ([UInt8]?) -> Bool = { _ in true }) throws(SystemError)
    {
        let socket = try Self.open(channel)
        let loop = try EventLoop()
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        try loop.watch(socket, token: 1)
        let raw = socket.release()
        thread = try LoopThread(name: channel.name) {
            let socket = Descriptor(owning: raw)
            _ = loop.run { _, _ in if Self.hear(socket, isNews) { continuation.yield() } }
            continuation.finish()
        }
        self.loop = loop
        news = stream
    }

    deinit {
        loop.stop()
        thread.join()
    }

    private static func open(_ channel: Channel) throws(SystemError) -> Descriptor {
        let type = Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let created = Glibc.socket(netlinkFamily, type, channel.number)
        guard created >= 0 else { throw SystemError("listen to the kernel about", channel.name, code: errno) }
        let socket = Descriptor(owning: created)
        // struct sockaddr_nl: family and padding, the port (0: the kernel chooses), groups.
        var address: (UInt32, UInt32, UInt32) = (UInt32(netlinkFamily), 0, channel.groups)
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(created, $0, socklen_t(12)) }
        }
        guard bound == 0 else { throw SystemError("listen to the kernel about", channel.name, code: errno) }
        return socket
    }

    /// Reads all messages that wait.
    private static func hear(_ socket: borrowing Descriptor, _ isNews: ([UInt8]?) -> Bool) -> Bool {
        withUnsafeTemporaryAllocation(byteCount: 64 << 10, alignment: 1) { buffer in
            var found = false
            while true {
                let count = recv(socket.raw, buffer.baseAddress, buffer.count, Int32(MSG_DONTWAIT))
                if count > 0 {
                    if isNews(Array(buffer[..<count])) { found = true }
                } else if count < 0, errno == ENOBUFS {
                    // More news than the socket holds.
                    if isNews(nil) { found = true }
                } else {
                    return found
                }
            }
        }
    }
}
