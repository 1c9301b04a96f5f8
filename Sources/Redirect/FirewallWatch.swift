internal import EventLoop
internal import Glibc
internal import Synchronization

/// Hears at once when others change the firewall where Portico's rules are, instead of looking all the time.
///
/// Works for iptables over nftables, of which the kernel tells whoever asks (NETLINK_NETFILTER, group NFNLGRP_NFTABLES). With
/// the older kind nothing is ever heard, and the look at every period has to do.
public final class FirewallWatch: Sendable {
    /// One element for any number of changes since the last one was taken.
    public let disturbances: AsyncStream<Void>

    private static let netlinkFamily: Int32 = 16
    private static let netfilterProtocol: Int32 = 12
    /// Bit 6 stands for group 7.
    private static let nftablesGroup: UInt32 = 1 << 6

    private let loop: EventLoop
    private let thread: LoopThread

    /// Begins to listen, in the network namespace of the calling thread.
    ///
    /// - Throws: ``SystemError`` where the kernel has no netlink for netfilter, or it is forbidden.
    public init() throws {
        let socket = try Self.open()
        let loop = try EventLoop()
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        try loop.watch(socket, token: 1)
        let raw = socket.release()
        thread = try LoopThread(name: "firewall") {
            let socket = Descriptor(owning: raw)
            _ = loop.run { _, _ in if Self.hear(socket) { continuation.yield() } }
            continuation.finish()
        }
        self.loop = loop
        disturbances = stream
    }

    deinit {
        loop.stop()
        thread.join()
    }

    private static func open() throws(SystemError) -> Descriptor {
        let type = Int32(SOCK_RAW.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let created = Glibc.socket(netlinkFamily, type, netfilterProtocol)
        guard created >= 0 else { throw SystemError("listen to the firewall", code: errno) }
        let socket = Descriptor(owning: created)
        // struct sockaddr_nl: family and padding, the port (0: the kernel chooses), groups.
        var address: (UInt32, UInt32, UInt32) = (UInt32(netlinkFamily), 0, nftablesGroup)
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(created, $0, socklen_t(12)) }
        }
        guard bound == 0 else { throw SystemError("listen to the firewall", code: errno) }
        return socket
    }

    /// Takes all that is there to be heard; whether others have done something to Portico's rules.
    private static func hear(_ socket: borrowing Descriptor) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        var isDisturbed = false
        while true {
            let count = recv(socket.raw, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count > 0 {
                isDisturbed = isDisturbed || FirewallNews.concernsUs(Array(buffer[..<count]))
            } else if count < 0, errno == ENOBUFS {
                // More news than the socket holds.
                isDisturbed = true
            } else {
                return isDisturbed && !OwnChanges.areHeard
            }
        }
    }
}

/// Tells Portico's own changes from those of others. The news name the process, but by a number that means nothing in a
/// container, so it goes by the time.
enum OwnChanges {
    /// News of a change may come when the program has ended already, in milliseconds.
    private static let echo = 250

    private static let underWay = Atomic<Int>(0)
    private static let lastEnd = Atomic<Int>(-echo)

    static var areHeard: Bool {
        underWay.load(ordering: .acquiring) > 0
            || MonotonicTime.milliseconds - lastEnd.load(ordering: .acquiring) < echo
    }

    static func during<Value>(_ body: () throws(RedirectError) -> Value) throws(RedirectError) -> Value {
        underWay.wrappingAdd(1, ordering: .releasing)
        defer {
            lastEnd.store(MonotonicTime.milliseconds, ordering: .releasing)
            underWay.wrappingSubtract(1, ordering: .releasing)
        }
        return try body()
    }
}
