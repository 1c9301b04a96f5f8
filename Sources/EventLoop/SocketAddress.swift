internal import CLinux
internal import Glibc

/// An IP address and port as sockets use it.
public struct SocketAddress: Hashable, Sendable {
    /// The address in network order read as one big-endian number; IPv4 is the low 32 bits of `low`.
    public let high: UInt64
    public let low: UInt64
    /// The interface that an IPv6 link-local address belongs to, which exists once on each; 0 for all other addresses.
    public let scope: UInt32
    public let port: UInt16
    public let isIPv6: Bool

    public init(v4 address: UInt32, port: UInt16) {
        self.high = 0
        self.low = UInt64(address)
        self.scope = 0
        self.port = port
        self.isIPv6 = false
    }

    public init(v6High high: UInt64, low: UInt64, scope: UInt32 = 0, port: UInt16) {
        self.high = high
        self.low = low
        self.scope = scope
        self.port = port
        self.isIPv6 = true
    }

    /// `127.0.0.1` and a port.
    public static func loopback(port: UInt16) -> SocketAddress {
        SocketAddress(v4: 0x7F00_0001, port: port)
    }

    /// A client that is seen through a dual-stack socket as `::ffff:a.b.c.d` is the IPv4 client.
    public var unmapped: SocketAddress {
        isIPv6 && high == 0 && low >> 32 == 0xFFFF
            ? SocketAddress(v4: UInt32(truncatingIfNeeded: low), port: port) : self
    }

    init(_ kernel: portico_address) {
        self.high = kernel.high
        self.low = kernel.low
        self.scope = kernel.scope
        self.port = kernel.port
        self.isIPv6 = kernel.family == UInt16(AF_INET6)
    }

    var kernel: portico_address {
        portico_address(high: high, low: low, scope: scope, port: port, family: UInt16(family))
    }

    var family: Int32 { isIPv6 ? AF_INET6 : AF_INET }
}

extension SocketAddress: CustomStringConvertible {
    public var description: String {
        guard isIPv6 else {
            return "\(low >> 24 & 0xFF).\(low >> 16 & 0xFF).\(low >> 8 & 0xFF).\(low & 0xFF):\(port)"
        }
        var raw = (high.bigEndian, low.bigEndian)
        return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
            guard let base = text.baseAddress, inet_ntop(AF_INET6, &raw, base, socklen_t(text.count)) != nil
            else { return "[?]:\(port)" }
            return "[\(String(cString: base))\(scope == 0 ? "" : "%\(scope)")]:\(port)"
        }
    }
}

extension SocketAddress {
    /// The same address with another port.
    public func at(port: UInt16) -> SocketAddress {
        isIPv6
            ? SocketAddress(v6High: high, low: low, scope: scope, port: port)
            : SocketAddress(v4: UInt32(truncatingIfNeeded: low), port: port)
    }
}
