public import Base
internal import EventLoop

/// A socket that waits for clients.
public struct ListeningSocket: Hashable, Sendable {
    public let address: EndpointAddress
    /// It is at all addresses of IPv6, and leaves those of IPv4 to others.
    public let isIPv6Only: Bool
    /// By which processes' descriptors name it. The kernel gives each number once, until all have been given.
    public let inode: UInt32

    public init(address: EndpointAddress, isIPv6Only: Bool = false, inode: UInt32) {
        self.address = address
        self.isIPv6Only = isIPv6Only
        self.inode = inode
    }

    /// Whether a client that comes to `ip`, at its port, may meet it.
    public func isMet(at ip: IPAddress) -> Bool {
        guard address.ip.isUnspecified else { return ip == address.ip || ip.isUnspecified }
        return ip.family == address.ip.family || address.ip.family == .ipv6 && !isIPv6Only
    }
}

/// The sockets of a network namespace that wait for clients, as the kernel lists them (`linux/inet_diag.h`,
/// `linux/sock_diag.h`).
///
/// `/proc/net/tcp` has them too (``SocketTable``), but first all connections that there are, and of a busy node that
/// takes a tenth of a second.
public enum ListeningSockets {
    private static let byFamily: UInt16 = 20
    private static let ipv6Only: UInt16 = 11
    private enum State { static let (closed, listen): (UInt32, UInt32) = (7, 10) }
    /// Where fields of an answer stand, and what follows them.
    private enum Offset { static let (port, address, inode, attributes) = (4, 8, 68, 72) }

    /// Those of the network namespace of the calling thread; none if the kernel does not say.
    ///
    /// - Parameter port: leaves all others out; nil for none.
    public static func all(_ transport: TransportProtocol, port: UInt16? = nil) -> [ListeningSocket] {
        all([transport], ports: [port]).map(\.socket)
    }

    /// The same for several at once, by one conversation with the kernel.
    public static func all(
        _ transports: Set<TransportProtocol>, ports: [UInt16?]
    ) -> [(socket: ListeningSocket, transport: TransportProtocol)] {
        var found: [(ListeningSocket, TransportProtocol)] = []
        var kernel = Kernel()
        for transport in transports {
            for family in IPAddress.Family.allCases {
                for port in ports { found += kernel.list(family, transport, port).map { ($0, transport) } }
            }
        }
        return found
    }

    /// Who is asked, by one socket for as long as that answers.
    private struct Kernel: ~Copyable {
        private var socket: NetlinkSocket?

        mutating func list(
            _ family: IPAddress.Family, _ transport: TransportProtocol, _ port: UInt16?
        ) -> [ListeningSocket] {
            do throws(SystemError) {
                var asked = if let open = socket.take() { open } else { try NetlinkSocket(.sockets) }
                let found = try ListeningSockets.list(family, transport, port, &asked)
                socket = consume asked
                return found
            } catch {
                return SocketTable.sockets(family, transport).filter { port == nil || $0.address.port == port }
            }
        }
    }

    /// The inode numbers of those that a client of `address` may meet.
    static func inodes(at address: EndpointAddress, _ transport: TransportProtocol) -> Set<UInt32> {
        Set(all(transport, port: address.port).filter { $0.isMet(at: address.ip) }.map(\.inode))
    }

    private static func list(
        _ family: IPAddress.Family, _ transport: TransportProtocol, _ port: UInt16?, _ socket: inout NetlinkSocket
    ) throws(SystemError) -> [ListeningSocket] {
        // A UDP socket that takes from everybody is in the state that TCP calls closed.
        let (number, state): (UInt8, UInt32) = transport == .udp ? (17, State.closed) : (6, State.listen)
        let head: [UInt8] = [family == .ipv4 ? 2 : 10, number, 0, 0] + NetlinkRequest.raw(UInt32(1) << state)
        // Then which sockets: those of this local port, or of any for 0, whatever else they have.
        let sockets = NetlinkRequest.raw((port ?? 0).bigEndian) + Array(repeating: 0, count: 46)
        try socket.send(NetlinkRequest(type: byFamily, flags: NetlinkRequest.dump, body: head + sockets).bytes)
        var found: [ListeningSocket] = []
        while true {
            for message in NetlinkMessages(try socket.receive()) {
                switch message.type {
                case NetlinkMessage.done: return found
                case NetlinkMessage.error: throw SystemError("list listening sockets", code: message.code)
                case byFamily:
                    guard let listener = listener(message.body, family) else { break }
                    if port == nil || listener.address.port == port { found.append(listener) }
                default: break
                }
            }
        }
    }

    private static func listener(_ answer: ArraySlice<UInt8>, _ family: IPAddress.Family) -> ListeningSocket? {
        guard answer.count >= Offset.inode + 4 else { return nil }
        func word(_ index: Int) -> UInt64 {
            UInt64(UInt32(bigEndian: answer.u32(at: Offset.address + 4 * index)))
        }
        let ip =
            family == .ipv4
            ? IPAddress(v4: UInt32(word(0)))
            : IPAddress(v6High: word(0) << 32 | word(1), low: word(2) << 32 | word(3))
        return ListeningSocket(
            address: EndpointAddress(ip: ip, port: UInt16(bigEndian: answer.u16(at: Offset.port))),
            isIPv6Only: NetlinkAttributes(answer.dropFirst(Offset.attributes))[ipv6Only]?.first == 1,
            inode: answer.u32(at: Offset.inode))
    }
}
