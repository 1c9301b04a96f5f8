/// An IP address and a port: where an endpoint listens, or where a portal is.
public struct EndpointAddress: Hashable, Sendable, CustomStringConvertible {
    public let ip: IPAddress
    public let port: UInt16

    public init(ip: IPAddress, port: UInt16) {
        self.ip = ip
        self.port = port
    }

    /// Parses `10.0.0.1:80` or `[fd00::1]:80`; nil for anything else, and for port 0.
    public init?(_ text: some StringProtocol) {
        guard let colon = text.lastIndex(of: ":") else { return nil }
        let digits = text[text.index(after: colon)...]
        // A sign is no digit, although Swift takes it.
        guard digits.first != "+", let port = UInt16(digits), port > 0 else { return nil }
        var host = text[..<colon]
        if host.first == "[", host.last == "]" {
            host = host.dropFirst().dropLast()
            guard host.contains(":") else { return nil }
        } else if host.contains(":") {
            return nil
        }
        guard let ip = IPAddress(host) else { return nil }
        self.init(ip: ip, port: port)
    }

    /// `10.0.0.1:80`, IPv6 in brackets.
    public var description: String {
        ip.family == .ipv6 ? "[\(ip)]:\(port)" : "\(ip):\(port)"
    }
}
