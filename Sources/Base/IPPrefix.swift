/// A range of addresses that share their first bits, such as `10.0.0.0/8`: what load-balancer source ranges are made
/// of.
public struct IPPrefix: Hashable, Sendable, CustomStringConvertible {
    /// The first address of the range; bits beyond `length` are zero, so that equal ranges compare equal.
    public let address: IPAddress
    /// 0 to 32 for IPv4, 0 to 128 for IPv6.
    public var length: Int { Int(bits) }
    // One byte, since every rule has room for two ranges.
    private let bits: UInt8

    public var family: IPAddress.Family { address.family }

    /// A range of the given length, or nil if the length does not suit the family.
    public init?(_ address: IPAddress, length: Int) {
        switch address.family {
        case .ipv4:
            guard (0...32).contains(length) else { return nil }
            self.address = IPAddress(v4: UInt32(truncatingIfNeeded: address.low) & Self.mask32(length))
        case .ipv6:
            guard (0...128).contains(length) else { return nil }
            self.address = IPAddress(
                v6High: address.high & Self.mask64(length), low: address.low & Self.mask64(length - 64))
        }
        bits = UInt8(truncatingIfNeeded: length)
    }

    /// Parses `10.0.0.0/8` or `fd00::/8`. White space around it is accepted, since API servers let it through;
    /// a range without a length is not.
    public init?(_ text: some StringProtocol) {
        let trimmed = text.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed()
        guard let slash = trimmed.lastIndex(of: "/"), let address = IPAddress(String(trimmed[..<slash])) else {
            return nil
        }
        let digits = trimmed[trimmed.index(after: slash)...]
        guard !digits.isEmpty, digits.count <= 3, digits.allSatisfy({ ("0"..."9").contains($0) }),
            let length = Int(String(digits))
        else { return nil }
        self.init(address, length: length)
    }

    /// The range of one address. Never nil: the length suits the family.
    public init?(host address: IPAddress) {
        self.init(address, length: address.family == .ipv4 ? 32 : 128)
    }

    public func contains(_ other: IPAddress) -> Bool {
        guard other.family == family, let prefix = IPPrefix(other, length: length) else { return false }
        return prefix.address == address
    }

    public var description: String { "\(address)/\(length)" }

    private static func mask32(_ length: Int) -> UInt32 { length <= 0 ? 0 : ~0 << UInt32(32 - min(length, 32)) }
    private static func mask64(_ length: Int) -> UInt64 { length <= 0 ? 0 : ~0 << UInt64(64 - min(length, 64)) }
}
