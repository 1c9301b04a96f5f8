internal import Base

/// One message of netlink, as the kernel writes it: `linux/netlink.h`. Headers are in the machine's byte order; what netfilter
/// puts into attributes is in the network's.
struct NetlinkMessage {
    static let error: UInt16 = 2
    static let done: UInt16 = 3

    let type: UInt16
    /// What follows netlink's own header.
    let body: ArraySlice<UInt8>

    /// Netfilter's messages say which of its parts they are about.
    var subsystem: UInt8 { UInt8(type >> 8) }
    var kind: UInt8 { UInt8(truncatingIfNeeded: type) }

    /// Behind netfilter's own header of four bytes.
    var attributes: NetlinkAttributes { NetlinkAttributes(body.dropFirst(4)) }

    /// The errno that an error message or the end of a list bears; 0 for "done".
    var code: Int32 { body.count >= 4 ? -Int32(bitPattern: body.u32(at: 0)) : 0 }
}

/// The messages of one datagram; what is cut off or makes no sense ends them.
struct NetlinkMessages: Sequence, IteratorProtocol {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func next() -> NetlinkMessage? {
        guard rest.count >= 16 else { return nil }
        let length = Int(rest.u32(at: 0))
        guard length >= 16, length <= rest.count else { return nil }
        defer { rest = rest.dropFirst((length + 3) & ~3) }
        return NetlinkMessage(type: rest.u16(at: 4), body: rest.dropFirst(16).prefix(length - 16))
    }
}

/// Attributes by their numbers: of a message, or of an attribute that is made of others.
struct NetlinkAttributes: Sequence, IteratorProtocol {
    private var rest: ArraySlice<UInt8>

    init(_ bytes: ArraySlice<UInt8>) { rest = bytes }

    mutating func next() -> (number: UInt16, value: ArraySlice<UInt8>)? {
        guard rest.count >= 4 else { return nil }
        let length = Int(rest.u16(at: 0))
        guard length >= 4, length <= rest.count else { return nil }
        defer { rest = rest.dropFirst((length + 3) & ~3) }
        // The upper two bits say that it is made of others, or in network order.
        return (rest.u16(at: 2) & 0x3FFF, rest.dropFirst(4).prefix(length - 4))
    }

    subscript(_ number: UInt16) -> ArraySlice<UInt8>? {
        first { $0.number == number }?.value
    }

    /// The attributes that an attribute is made of.
    func nested(_ number: UInt16) -> NetlinkAttributes? { self[number].map(NetlinkAttributes.init) }
}

/// Writes one message of netfilter.
struct NetlinkRequest {
    static let request: UInt16 = 0x1
    static let acknowledge: UInt16 = 0x4
    static let dump: UInt16 = 0x300
    /// Of an attribute's number: it is made of others. Where the kernel is strict it wants to be told.
    static let nested: UInt16 = 0x8000

    private(set) var bytes: [UInt8]

    init(subsystem: UInt8, kind: UInt8, flags: UInt16, family: IPAddress.Family) {
        bytes = Self.raw(UInt32(20)) + [kind, subsystem] + Self.raw(Self.request | flags) + Self.raw(UInt32(0))
        // The sender's number is the kernel's to know. Then netfilter's header: AF_INET or AF_INET6, a version, and nothing.
        bytes += Self.raw(UInt32(0)) + [family == .ipv4 ? 2 : 10, 0, 0, 0]
    }

    mutating func add(_ number: UInt16, _ value: some Collection<UInt8>) {
        bytes += Self.attribute(number, value)
        bytes.replaceSubrange(0..<4, with: Self.raw(UInt32(bytes.count)))
    }

    /// For what is made of others.
    static func attribute(_ number: UInt16, _ value: some Collection<UInt8>) -> [UInt8] {
        raw(UInt16(4 + value.count)) + raw(number) + value + Array(repeating: 0, count: -value.count & 3)
    }

    static func raw(_ value: some FixedWidthInteger) -> [UInt8] { withUnsafeBytes(of: value) { Array($0) } }
}

extension ArraySlice<UInt8> {
    /// In the machine's byte order. The caller has looked that they are there.
    func u16(at offset: Int) -> UInt16 {
        withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt16.self) }
    }

    func u32(at offset: Int) -> UInt32 {
        withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
    }

    func u64(at offset: Int) -> UInt64 {
        withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt64.self) }
    }
}
