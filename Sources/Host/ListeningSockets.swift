internal import Base
internal import EventLoop

/// The sockets of a network namespace that wait for clients, as the kernel lists them (`linux/inet_diag.h`, `linux/sock_diag.h`).
///
/// `/proc/net/tcp` has them too (``SocketTable``), but first all connections that there are, and of a busy node that takes a tenth
/// of a second.
enum ListeningSockets {
    private static let byFamily: UInt16 = 20
    private enum State { static let (closed, listen): (UInt32, UInt32) = (7, 10) }
    /// Where fields of an answer stand.
    private enum Offset { static let (port, address, inode) = (4, 8, 68) }

    /// The inode numbers of those that a client of `address` may meet, in the network namespace of the calling thread; none if
    /// the kernel does not say.
    static func inodes(at address: EndpointAddress, _ transport: TransportProtocol) -> Set<UInt32> {
        var found: Set<UInt32> = []
        // A socket of IPv6 may serve clients of IPv4.
        for family in IPAddress.Family.allCases {
            do throws(SystemError) {
                var socket = try NetlinkSocket(.sockets)
                found.formUnion(try list(family, address, transport, &socket))
            } catch {
                found.formUnion(SocketTable.inodes(family, at: address, transport))
            }
        }
        return found
    }

    private static func list(
        _ family: IPAddress.Family, _ address: EndpointAddress, _ transport: TransportProtocol,
        _ socket: inout NetlinkSocket
    ) throws(SystemError) -> [UInt32] {
        // A UDP socket that takes from everybody is in the state that TCP calls closed.
        let (number, state): (UInt8, UInt32) = transport == .udp ? (17, State.closed) : (6, State.listen)
        let head: [UInt8] = [family == .ipv4 ? 2 : 10, number, 0, 0] + NetlinkRequest.raw(UInt32(1) << state)
        // Then which sockets: those of this local port, whatever else they have.
        let sockets = NetlinkRequest.raw(address.port.bigEndian) + Array(repeating: 0, count: 46)
        try socket.send(NetlinkRequest(type: byFamily, flags: NetlinkRequest.dump, body: head + sockets).bytes)
        var found: [UInt32] = []
        while true {
            for message in NetlinkMessages(try socket.receive()) {
                switch message.type {
                case NetlinkMessage.done: return found
                case NetlinkMessage.error: throw SystemError("list listening sockets", code: message.code)
                case byFamily:
                    if let inode = inode(message.body, family, at: address) { found.append(inode) }
                default: break
                }
            }
        }
    }

    private static func inode(
        _ answer: ArraySlice<UInt8>, _ family: IPAddress.Family, at address: EndpointAddress
    ) -> UInt32? {
        guard answer.count >= Offset.inode + 4, UInt16(bigEndian: answer.u16(at: Offset.port)) == address.port else {
            return nil
        }
        func word(_ index: Int) -> UInt64 {
            UInt64(UInt32(bigEndian: answer.u32(at: Offset.address + 4 * index)))
        }
        let ip =
            family == .ipv4
            ? IPAddress(v4: UInt32(word(0)))
            : IPAddress(v6High: word(0) << 32 | word(1), low: word(2) << 32 | word(3))
        guard ip.isUnspecified || address.ip.isUnspecified || ip == address.ip else { return nil }
        return answer.u32(at: Offset.inode)
    }
}
