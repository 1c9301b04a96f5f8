public import Base
internal import CLinux
internal import Glibc

/// UDP sockets as the relay needs them: non-blocking, with room for bursts.
public enum UDPSocket {
    /// Asked for on receiving sockets. Default buffers lose datagrams in bursts that the relay could well have carried;
    /// memory is used only while datagrams wait.
    static let receiveBuffer: Int32 = 4 * 1024 * 1024

    /// A socket that receives at `address`.
    ///
    /// - Parameter shared: several sockets of this process receive there, one per worker (SO_REUSEPORT).
    /// - Throws: ``SystemError`` naming the address.
    public static func bind(to address: SocketAddress, shared: Bool = false) throws(SystemError) -> Descriptor {
        let subject = { address.description }
        let socket = Descriptor(
            owning: try SystemError.check(portico_udp_socket(address.family), "create a socket for", subject()))
        if shared {
            try SystemError.check(portico_set_option(socket.raw, SOL_SOCKET, SO_REUSEPORT, 1), "set up", subject())
        }
        if address.isIPv6 {
            try SystemError.check(
                portico_set_option(socket.raw, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1), "set up", subject())
        }
        if address.isUnspecified {
            try SystemError.check(portico_report_destination(socket.raw, address.family), "set up", subject())
        }
        portico_receive_buffer(socket.raw, receiveBuffer)
        var kernel = address.kernel
        try SystemError.check(portico_bind(socket.raw, &kernel), "receive at", subject())
        return socket
    }

    /// A socket that talks to `address` alone, from a port of the kernel's choice. Says nothing about whether anybody
    /// is there: that shows as `ECONNREFUSED` on a later send or receive, if at all.
    ///
    /// - Parameter source: the address to come from, which need not be this machine's, see ``Descriptor/imitate(_:)``.
    public static func connect(
        to address: SocketAddress, from source: SocketAddress? = nil
    ) throws(SystemError) -> Descriptor {
        let created = portico_udp_socket(address.family)
        guard created >= 0 else { throw SystemError("create a socket for", address.description, code: -created) }
        let socket = Descriptor(owning: created)
        portico_receive_buffer(socket.raw, receiveBuffer)
        if let source { try socket.imitate(source) }
        var kernel = address.kernel
        let result = portico_connect(socket.raw, &kernel)
        guard result == 0 else { throw SystemError("connect to", address.description, code: -result) }
        return socket
    }
}

extension SocketAddress {
    /// `0.0.0.0` or `::`.
    public var isUnspecified: Bool { high == 0 && low == 0 }
}
