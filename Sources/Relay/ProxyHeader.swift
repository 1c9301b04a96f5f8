internal import Balancing
internal import Base
internal import EventLoop

/// The header of the PROXY protocol (versions 1 and 2): it tells an endpoint who the client is and which address it
/// used, since the endpoint's own socket shows only the proxy.
///
/// A pure function from addresses to bytes. It stands before the client's first byte of a TCP connection, and, in
/// version 2 only, before every UDP datagram.
struct ProxyHeader {
    private static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]
    /// Version 2 in the high half; the commands are LOCAL, where the receiver uses the addresses of its socket, and
    /// PROXY.
    private static let local: UInt8 = 0x20
    private static let proxy: UInt8 = 0x21

    let client: SocketAddress
    /// The address that the client used.
    let destination: SocketAddress

    /// Nil if the two cannot be said in one header, which has one family for both. IPv4 seen through a dual-stack
    /// socket is IPv4.
    init?(client: SocketAddress, destination: SocketAddress) {
        self.client = client.unmapped
        self.destination = destination.unmapped
        guard self.client.isIPv6 == self.destination.isIPv6 else { return nil }
    }

    /// The header for a connection; without addresses it says so, in a way that every receiver has to accept.
    static func stream(_ version: ProxyProtocol, _ header: ProxyHeader?) -> [UInt8] {
        switch version {
        case .v1: header?.text ?? Array("PROXY UNKNOWN\r\n".utf8)
        case .v2: header?.binary(stream: true) ?? unaddressed
        }
    }

    /// The header for a datagram, in version 2.
    static func datagram(_ header: ProxyHeader?) -> [UInt8] {
        header?.binary(stream: false) ?? unaddressed
    }

    /// The header for a connection that the proxy makes for itself.
    static func own(_ version: ProxyProtocol) -> [UInt8] {
        stream(version, nil)
    }

    /// LOCAL, of no family, with no addresses.
    private static let unaddressed = signature + [local, 0x00, 0x00, 0x00]

    private var text: [UInt8] {
        let family = client.isIPv6 ? "TCP6" : "TCP4"
        let (source, target) = (IPAddress(client), IPAddress(destination))
        return Array("PROXY \(family) \(source) \(target) \(client.port) \(destination.port)\r\n".utf8)
    }

    private func binary(stream: Bool) -> [UInt8] {
        var bytes = Self.signature
        bytes.reserveCapacity(52)
        bytes.append(Self.proxy)
        // The family in the high half (1 is IPv4, 2 IPv6), the transport in the low one.
        bytes.append((client.isIPv6 ? 0x20 : 0x10) | (stream ? 0x01 : 0x02))
        Self.append(client.isIPv6 ? 36 : 12 as UInt16, to: &bytes)
        for address in [client, destination] {
            if address.isIPv6 {
                Self.append(address.high, to: &bytes)
                Self.append(address.low, to: &bytes)
            } else {
                Self.append(UInt32(truncatingIfNeeded: address.low), to: &bytes)
            }
        }
        Self.append(client.port, to: &bytes)
        Self.append(destination.port, to: &bytes)
        return bytes
    }

    private static func append(_ number: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: number.bigEndian) { bytes.append(contentsOf: $0) }
    }
}
