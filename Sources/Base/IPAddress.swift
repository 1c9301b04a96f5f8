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

    /// The address in network order read as one big-endian number; IPv4 occupies the low 32 bits of `low`.
    public let high: UInt64
    public let low: UInt64
    // Last, so that a port next to it takes no room of its own: there are hundreds of thousands of endpoints.
    public let family: Family

    private init(family: Family, high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
        self.family = family
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
    public init?(_ text: String) {
        // By bytes: the addresses of a large cluster are read by the hundred thousand.
        var text = text
        guard let address = text.withUTF8({ $0.contains(UInt8(ascii: ":")) ? nil : Self.v4($0) }) ?? Self.v6(text)
        else { return nil }
        self = address
    }

    /// The same for a part of a text.
    public init?(_ text: some StringProtocol) { self.init(String(text)) }

    private static func v4(_ text: UnsafeBufferPointer<UInt8>) -> IPAddress? {
        var (value, octet, points) = (UInt32(0), UInt32(0), 0)
        var hasDigits = false
        for byte in text {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                octet = octet * 10 + UInt32(byte - UInt8(ascii: "0"))
                guard octet <= 255 else { return nil }
                hasDigits = true
            case UInt8(ascii: ".") where hasDigits:
                value = value << 8 | octet
                (octet, hasDigits) = (0, false)
                points += 1
            default: return nil
            }
        }
        return points == 3 && hasDigits ? IPAddress(v4: value << 8 | octet) : nil
    }

    private static func v6(_ text: String) -> IPAddress? {
        var raw = in6_addr()
        guard inet_pton(AF_INET6, text, &raw) == 1 else { return nil }
        let (high, low) = withUnsafeBytes(of: &raw) { bytes in
            (
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 0, as: UInt64.self)),
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
            )
        }
        return IPAddress(v6High: high, low: low)
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
            // Not by interpolation: rules name the addresses of a large cluster by the ten thousand.
            return String(unsafeUninitializedCapacity: 15) { text in
                var count = 0
                func add(_ byte: UInt8) {
                    text.initializeElement(at: count, to: byte)
                    count += 1
                }
                for shift: UInt64 in [24, 16, 8, 0] {
                    let octet = UInt8(truncatingIfNeeded: low >> shift)
                    if count > 0 { add(UInt8(ascii: ".")) }
                    if octet >= 100 { add(UInt8(ascii: "0") + octet / 100) }
                    if octet >= 10 { add(UInt8(ascii: "0") + octet / 10 % 10) }
                    add(UInt8(ascii: "0") + octet % 10)
                }
                return count
            }
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
