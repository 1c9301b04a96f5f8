internal import EventLoop
internal import Glibc

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
            var news = FirewallNews()
            _ = loop.run { _, _ in if Self.hear(socket, &news) { continuation.yield() } }
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
    private static func hear(_ socket: borrowing Descriptor, _ news: inout FirewallNews) -> Bool {
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        var isDisturbed = false
        while true {
            let count = recv(socket.raw, &buffer, buffer.count, Int32(MSG_DONTWAIT))
            if count > 0 {
                let culprits = news.take(Array(buffer[..<count]))
                if !culprits.allSatisfy(OwnProcesses.contains) { isDisturbed = true }
            } else if count < 0, errno == ENOBUFS {
                // More news than the socket holds.
                isDisturbed = true
            } else {
                return isDisturbed
            }
        }
    }
}

/// The programs that Portico has started of late, to tell its own changes from those of others. In a container the kernel
/// knows them by other numbers; then Portico looks after its own changes, too, and finds nothing.
enum OwnProcesses {
    private static let most = 64
    private static let recent = Guarded<[Int32]>([])

    static func add(_ process: Int32) {
        recent.withLock { $0 = ($0 + [process]).suffix(most) }
    }

    static func contains(_ process: Int32) -> Bool {
        recent.withLock { $0.contains(process) }
    }
}
