internal import EventLoop
internal import Services

extension IPAddress {
    /// Who is at the other end of a socket; an IPv4 client seen through a dual-stack socket is the IPv4 client.
    init(_ address: SocketAddress) {
        if address.isIPv6 {
            self.init(v6High: address.high, low: address.low)
        } else {
            self.init(v4: UInt32(truncatingIfNeeded: address.low))
        }
    }
}
