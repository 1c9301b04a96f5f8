public import Base
internal import CLinux
internal import Glibc

/// TCP sockets as the relay needs them: non-blocking, and with TCP_NODELAY.
public enum TCPSocket {
    /// A listening socket.
    ///
    /// - Parameters:
    ///   - shared: several sockets of this process listen on the address, one per worker (SO_REUSEPORT).
    ///   - backlog: connections that may wait to be accepted; the kernel caps it at `net.core.somaxconn`.
    /// - Throws: ``SystemError`` naming the address, `EADDRINUSE` and `EACCES` being the usual ones.
    public static func listen(
        on address: SocketAddress, shared: Bool = false, backlog: Int32 = Int32.max
    ) throws(SystemError) -> Descriptor {
        let socket = try bind(to: address, shared: shared, for: "listen on")
        try startListening(socket.raw, at: address, backlog: backlog)
        return socket
    }

    /// A socket that is to listen on `address`, once all that are to listen beside it are there too.
    public static func bind(to address: SocketAddress, shared: Bool) throws(SystemError) -> Descriptor {
        try bind(to: address, shared: shared, for: "listen on")
    }

    /// Has a bound socket listen.
    public static func startListening(
        _ socket: Int32, at address: SocketAddress, backlog: Int32 = Int32.max
    ) throws(SystemError) {
        // Accepted sockets inherit these from the listener.
        try SystemError.check(portico_listener_options(socket), "set up", address.description)
        try SystemError.check(portico_listen(socket, backlog), "listen on", address.description)
    }

    /// A socket that has `address`, so that nobody else gets it, and does not listen: connections are refused there. A
    /// listener of this process may take the address beside it, with ``listen(on:shared:backlog:)``.
    public static func reserve(_ address: SocketAddress) throws(SystemError) -> Descriptor {
        try bind(to: address, shared: false, for: "reserve")
    }

    private static func bind(
        to address: SocketAddress, shared: Bool, for operation: String
    ) throws(SystemError) -> Descriptor {
        let created = try SystemError.check(
            portico_tcp_socket(address.family), "create a socket for", address.description)
        let socket = Descriptor(owning: created)
        try SystemError.check(
            portico_set_option(socket.raw, SOL_SOCKET, SO_REUSEADDR, 1), "set up", address.description)
        if shared {
            try SystemError.check(
                portico_set_option(socket.raw, SOL_SOCKET, SO_REUSEPORT, 1), "set up", address.description)
        }
        if address.isIPv6 {
            // Families have listeners of their own, so that one can be absent without taking the other with it.
            try SystemError.check(
                portico_set_option(socket.raw, Int32(IPPROTO_IPV6), IPV6_V6ONLY, 1), "set up", address.description)
        }
        var kernel = address.kernel
        try SystemError.check(portico_bind(socket.raw, &kernel), operation, address.description)
        return socket
    }

    /// The outcome of one accept.
    public enum Acceptance: ~Copyable {
        case accepted(Descriptor, peer: SocketAddress)
        /// The queue is empty, or the client at its head has already gone.
        case none
        /// `EMFILE`, `ENFILE`, `ENOBUFS`, `ENOMEM`: the queue is not empty, but nothing can be taken from it now.
        case exhausted(Int32)
        case failed(Int32)
    }

    public static func accept(from listener: borrowing Descriptor) -> Acceptance {
        var peer = portico_address()
        let result = portico_accept(listener.raw, &peer)
        if result >= 0 { return .accepted(Descriptor(owning: result), peer: SocketAddress(peer)) }
        switch -result {
        case EAGAIN, EINTR, ECONNABORTED, EPROTO, ENETDOWN, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT: return .none
        case EMFILE, ENFILE, ENOBUFS, ENOMEM: return .exhausted(-result)
        default: return .failed(-result)
        }
    }

    /// A socket whose connection to `address` is under way, or an error at once.
    ///
    /// TCP_NODELAY is on; keep-alive is not, see ``Descriptor/keepAlive()``.
    ///
    /// On loopback the connection usually stands by the time this returns, although the kernel says "in progress".
    ///
    /// - Parameter source: the address to come from, which need not be this machine's, see ``Descriptor/imitate(_:)``.
    public static func dial(
        _ address: SocketAddress, from source: SocketAddress? = nil
    ) throws(SystemError) -> Descriptor {
        let created = portico_tcp_socket(address.family)
        guard created >= 0 else { throw SystemError("create a socket for", address.description, code: -created) }
        let socket = Descriptor(owning: created)
        _ = portico_set_option(socket.raw, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        socket.keepUrgentInline()
        if let source {
            // The port is chosen when it is known who else is talked to, so that one client's connections to several
            // endpoints may have the same; where the kernel cannot do that, each needs one of its own.
            _ = portico_set_option(socket.raw, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, 1)
            try socket.imitate(source)
        }
        var kernel = address.kernel
        let result = portico_connect(socket.raw, &kernel)
        guard result == 0 || result == -EINPROGRESS else {
            throw SystemError("connect to", address.description, code: -result)
        }
        return socket
    }

    /// The first of the ports that the kernel chooses connections' own ports from, in the network of the calling
    /// thread; 1 if that cannot be read.
    public static var firstChosenPort: UInt16 {
        let file = open("/proc/sys/net/ipv4/ip_local_port_range", O_RDONLY | O_CLOEXEC)
        guard file >= 0 else { return 1 }
        let owner = Descriptor(owning: file)
        var text = [UInt8](repeating: 0, count: 32)
        let count = Glibc.read(owner.raw, &text, text.count)
        let digits = text.prefix(max(0, count)).prefix { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
        return UInt16(String(decoding: digits, as: UTF8.self)) ?? 1
    }

    /// How a connection under way stands.
    public enum DialState: Equatable, Sendable {
        case pending
        case connected
        case failed(Int32)
    }

    public static func dialState(of socket: borrowing Descriptor) -> DialState {
        switch portico_dial_state(socket.raw) {
        case 0: .pending
        case 1: .connected
        case let error: .failed(-error)
        }
    }

    /// The address that a socket is bound to: asks for the port that the kernel chose for port 0.
    public static func localAddress(of socket: borrowing Descriptor) throws(SystemError) -> SocketAddress {
        var address = portico_address()
        try SystemError.check(portico_local_address(socket.raw, &address), "ask for the address of a socket")
        return SocketAddress(address)
    }
}

extension Descriptor {
    /// Lets sockets that are bound from now on have the address of this one too, if they say the same (SO_REUSEPORT).
    public borrowing func sharePort(at address: SocketAddress) throws(SystemError) {
        try SystemError.check(
            portico_set_option(raw, SOL_SOCKET, SO_REUSEPORT, 1), "set up", address.description)
    }

    /// Whether the other side has ended what it sends, and nothing of it is left to be read.
    public borrowing func isAtEnd() -> Bool {
        var byte: UInt8 = 0
        return recv(raw, &byte, 1, Int32(MSG_PEEK) | Int32(MSG_DONTWAIT)) == 0
    }

    /// Turns on keep-alive: probes after 15 s of silence, every 15 s, and 9 of them.
    public func keepAlive() {
        _ = portico_keep_alive(raw)
    }
}
