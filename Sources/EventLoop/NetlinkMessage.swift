public import Base

/// One message of netlink, as the kernel writes it: `linux/netlink.h`. Headers are in the machine's byte order; what
/// netfilter puts into attributes is in the network's.
public struct NetlinkMessage {
    public static let error: UInt16 = 2
    public static let done: UInt16 = 3

    public let type: UInt16
    /// What follows netlink's own header.
    public let body: ArraySlice<UInt8>

    /// Netfilter's messages say which of its parts they are about.
    public var subsystem: UInt8 { UInt8(type >> 8) }
    public var kind: UInt8 { UInt8(truncatingIfNeeded: type) }

    /// Behind netfilter's own header of four bytes.
    public var attributes: NetlinkAttributes { NetlinkAttributes(body.dropFirst(4)) }

    /// The errno that an error message or the end of a list bears; 0 for "done".
    public var code: Int32 { body.count >= 4 ? -Int32(bitPattern: body.u32(at: 0)) : 0 }
}

/// The messages of one datagram; what is cut off or makes no sense ends them.
public struct NetlinkMessages: Sequence, IteratorProtocol {
    private var rest: ArraySlice<UInt8>

    public init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    public mutating func next() -> NetlinkMessage? {
        guard rest.count >= 16 else { return nil }
        let length = Int(rest.u32(at: 0))
        guard length >= 16, length <= rest.count else { return nil }
        defer { rest = rest.dropFirst((length + 3) & ~3) }
        return NetlinkMessage(type: rest.u16(at: 4), body: rest.dropFirst(16).prefix(length - 16))
    }
}

/// Attributes by their numbers: of a message, or of an attribute that is made of others.
public struct NetlinkAttributes: Sequence, IteratorProtocol {
    private var rest: ArraySlice<UInt8>

    public init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    public mutating func next() -> (number: UInt16, value: ArraySlice<UInt8>)? {
        guard rest.count >= 4 else { return nil }
        let length = Int(rest.u16(at: 0))
        guard length >= 4, length <= rest.count else { return nil }
        defer { rest = rest.dropFirst((length + 3) & ~3) }
        // The upper two bits say that it is made of others, or in network order.
        return (rest.u16(at: 2) & 0x3FFF, rest.dropFirst(4).prefix(length - 4))
    }

    public subscript(_ number: UInt16) -> ArraySlice<UInt8>? {
        first { $0.number == number }?.value
    }

    /// The attributes that an attribute is made of.
    public func nested(_ number: UInt16) -> NetlinkAttributes? { self[number].map(NetlinkAttributes.init) }
}

/// Writes one request.
public struct NetlinkRequest {
    public static let request: UInt16 = 0x1
    public static let acknowledge: UInt16 = 0x4
    public static let dump: UInt16 = 0x300
    /// Of an attribute's number: it is made of others. Where the kernel is strict it wants to be told.
    public static let nested: UInt16 = 0x8000

    public private(set) var bytes: [UInt8]

    /// - Parameter body: what follows netlink's own header.
    public init(type: UInt16, flags: UInt16, body: some Collection<UInt8>) {
        bytes = Self.raw(UInt32(16 + body.count)) + Self.raw(type) + Self.raw(Self.request | flags)
        // A number to tell answers apart, and the sender's, which is the kernel's to know.
        bytes += Self.raw(UInt32(0)) + Self.raw(UInt32(0)) + body
    }

    /// Of netfilter, whose own header is the family, AF_INET or AF_INET6, a version, and nothing.
    public init(subsystem: UInt8, kind: UInt8, flags: UInt16, family: IPAddress.Family) {
        let type = UInt16(subsystem) << 8 | UInt16(kind)
        self.init(type: type, flags: flags, body: [family == .ipv4 ? 2 : 10, 0, 0, 0])
    }

    public mutating func add(_ number: UInt16, _ value: some Collection<UInt8>) {
        bytes += Self.attribute(number, value)
        bytes.replaceSubrange(0..<4, with: Self.raw(UInt32(bytes.count)))
    }

    /// For what is made of others.
    public static func attribute(_ number: UInt16, _ value: some Collection<UInt8>) -> [UInt8] {
        raw(UInt16(4 + value.count)) + raw(number) + value + Array(repeating: 0, count: -value.count & 3)
    }

    public static func raw(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }
}

extension ArraySlice<UInt8> {
    /// In the machine's byte order. The caller has looked that they are there.
    public func u16(at offset: Int) -> UInt16 {
        withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt16.self) }
    }

    public func u32(at offset: Int) -> UInt32 {
        withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
    }

    public func u64(at offset: Int) -> UInt64 {
        withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
    }
}
