public import Base
public import EventLoop

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

extension SocketAddress {
    /// The address of an endpoint, or of a door, as sockets use it.
    public init(_ address: EndpointAddress) {
        switch address.ip.family {
        case .ipv4: self.init(v4: UInt32(truncatingIfNeeded: address.ip.low), port: address.port)
        case .ipv6: self.init(v6High: address.ip.high, low: address.ip.low, port: address.port)
        }
    }
}
