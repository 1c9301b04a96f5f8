internal import Glibc

/// An IPv4 or IPv6 address as a plain value.
///
/// Parsing accepts what Kubernetes accepts, including IPv4 octets with leading zeros, and printing
/// always gives the canonical form, so that two spellings of one address compare equal.
public struct IPAddress: Hashable, Sendable {
    public enum Family: UInt8, Hashable, Sendable, CaseIterable, Comparable {
        case ipv4 = 4
        case ipv6 = 6

        public static func < (a: Family, b: Family) -> Bool { a.rawValue < b.rawValue }
    }

    public let family: Family
    /// The address in network order read as one big-endian number; IPv4 occupies the low 32 bits of `low`.
    public let high: UInt64
    public let low: UInt64

    private init(family: Family, high: UInt64, low: UInt64) {
        self.family = family
        self.high = high
        self.low = low
    }

    public init(v4 value: UInt32) {
        self.init(family: .ipv4, high: 0, low: UInt64(value))
    }

    /// An IPv6 address; one of the form `::ffff:a.b.c.d` becomes the IPv4 address it stands for, so that a peer seen
    /// through a dual-stack socket is the same client as one seen through an IPv4 socket.
    public init(v6High high: UInt64, low: UInt64) {
        if high == 0, low >> 32 == 0xFFFF {
            self.init(v4: UInt32(truncatingIfNeeded: low))
        } else {
            self.init(family: .ipv6, high: high, low: low)
        }
    }

    /// Parses text such as `10.0.0.1`, `010.000.000.001`, `fd00::1` or `::ffff:10.0.0.1`; nil if it is no address.
    public init?(_ text: some StringProtocol) {
        // A cluster has a hundred thousand of them: what follows is compiled for this type alone.
        let text = String(text)
        guard text.utf8.contains(UInt8(ascii: ":")) else {
            guard let value = Self.v4(text) else { return nil }
            self.init(v4: value)
            return
        }
        var raw = in6_addr()
        guard inet_pton(AF_INET6, text, &raw) == 1 else { return nil }
        let (high, low) = withUnsafeBytes(of: &raw) { bytes in
            (
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
        self.init(v6High: high, low: low)
    }

    /// Four decimal numbers, perhaps with zeros in front, which mean nothing.
    private static func v4(_ text: String) -> UInt32? {
        var (value, octet, digits, points) = (UInt32(0), UInt32(0), 0, 0)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                octet = octet * 10 + UInt32(byte - UInt8(ascii: "0"))
                digits += 1
                guard octet <= 255 else { return nil }
            case UInt8(ascii: "."):
                guard digits > 0 else { return nil }
                (value, octet, digits, points) = (value << 8 | octet, 0, 0, points + 1)
                guard points < 4 else { return nil }
            default: return nil
            }
        }
        return digits > 0 && points == 3 ? value << 8 | octet : nil
    }

    public var isLoopback: Bool {
        switch family {
        case .ipv4: low >> 24 == 127
        case .ipv6: high == 0 && low == 1
        }
    }

    public var isUnspecified: Bool { high == 0 && low == 0 }
}

extension IPAddress: CustomStringConvertible {
    public var description: String {
        switch family {
        case .ipv4:
            return "\(low >> 24 & 0xFF).\(low >> 16 & 0xFF).\(low >> 8 & 0xFF).\(low & 0xFF)"
        case .ipv6:
            var raw = (high.bigEndian, low.bigEndian)
            return withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(INET6_ADDRSTRLEN)) { text in
                // inet_ntop can fail only for a short buffer or an unknown family; neither is possible here.
                guard inet_ntop(AF_INET6, &raw, text.baseAddress, socklen_t(text.count)) != nil else { return "::" }
                return text.withMemoryRebound(to: UInt8.self) { bytes in
                    String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
                }
            }
        }
    }
}

extension IPAddress: Comparable {
    public static func < (a: IPAddress, b: IPAddress) -> Bool {
        (a.family.rawValue, a.high, a.low) < (b.family.rawValue, b.high, b.low)
    }
}
