public import Base

/// Where a client of the proxy wants to be connected to, as it has said it.
public struct ForwardTarget: Hashable, Sendable, CustomStringConvertible {
    public enum Host: Hashable, Sendable {
        case address(IPAddress)
        /// As it was written; never empty, and of visible ASCII characters.
        case name(String)
    }

    public let host: Host
    public let port: UInt16

    public init(host: Host, port: UInt16) {
        self.host = host
        self.port = port
    }

    /// A host as a protocol has it in text, which may be an address, too; nil for what cannot be one.
    init?(text: some Collection<UInt8>, port: UInt16) {
        guard !text.isEmpty, text.count <= 255, text.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else { return nil }
        let text = String(decoding: text, as: UTF8.self)
        let bare = text.hasPrefix("[") && text.hasSuffix("]") ? String(text.dropFirst().dropLast()) : text
        if let address = IPAddress(bare) {
            self.init(host: .address(address), port: port)
        } else {
            guard !text.contains(where: { "[]:/@".contains($0) }) else { return nil }
            self.init(host: .name(text), port: port)
        }
    }

    /// `host:port`, with IPv6 in brackets.
    ///
    /// - Parameter port: where none is written; nil if one has to be.
    init?(authority: some BidirectionalCollection<UInt8>, port: UInt16?) {
        let colon = authority.lastIndex(of: 0x3A)
        // The last colon may be one of an IPv6 address.
        if let colon, authority.last != 0x5D {
            let digits = String(decoding: authority[authority.index(after: colon)...], as: UTF8.self)
            guard digits.first != "+", let port = digits.isEmpty ? port : UInt16(digits) else { return nil }
            self.init(text: authority[..<colon], port: port)
        } else {
            guard let port else { return nil }
            self.init(text: authority, port: port)
        }
    }

    public var description: String {
        switch host {
        case .address(let ip): "\(EndpointAddress(ip: ip, port: port))"
        case .name(let name): "\(name):\(port)"
        }
    }

    /// As the field `Host` of HTTP has it.
    func hostField(standardPort: UInt16) -> String {
        guard port == standardPort else { return description }
        return switch host {
        case .address(let ip): ip.family == .ipv6 ? "[\(ip)]" : "\(ip)"
        case .name(let name): name
        }
    }
}
