/// A domain name: labels from the leaf to the root, of any bytes but compared without regard to ASCII case (RFC 4343).
public struct DNSName: Sendable {
    /// RFC 1035 §2.3.4, each label's length and the root's included.
    static let longest = 255
    static let longestLabel = 63

    /// As on the wire, uncompressed: each label behind its length, and the root's length of 0.
    let wire: [UInt8]

    public static let root = DNSName(wire: [0])

    init(wire: [UInt8]) {
        self.wire = wire
    }

    /// Parses `web.default.svc.cluster.local`, with or without a dot at the end; nil if a label or the whole is empty
    /// or too long. There are no escapes: a label cannot contain a dot.
    public init?(_ text: some StringProtocol) {
        if text == "." {
            self = .root
            return
        }
        let labels = (text.hasSuffix(".") ? text.dropLast() : text[...]).split(
            separator: ".", omittingEmptySubsequences: false)
        self.init(labels: labels.map { Array($0.utf8) })
    }

    init?(labels: [[UInt8]]) {
        var wire: [UInt8] = []
        for label in labels {
            guard (1...Self.longestLabel).contains(label.count) else { return nil }
            wire.append(UInt8(label.count))
            wire += label
        }
        wire.append(0)
        guard wire.count <= Self.longest else { return nil }
        self.wire = wire
    }

    /// The labels, the leaf first.
    public var labels: [[UInt8]] {
        var labels: [[UInt8]] = []
        var start = 0
        while wire[start] > 0 {
            let end = start + 1 + Int(wire[start])
            labels.append(Array(wire[start + 1..<end]))
            start = end
        }
        return labels
    }

    /// The name without its leaf; nil for the root.
    public var parent: DNSName? {
        wire[0] == 0 ? nil : DNSName(wire: Array(wire[(1 + Int(wire[0]))...]))
    }

    /// This name below `suffix`; nil if that is too long.
    public func below(_ suffix: DNSName) -> DNSName? {
        let joined = wire.dropLast() + suffix.wire
        return joined.count <= Self.longest ? DNSName(wire: Array(joined)) : nil
    }

    /// What stands before `suffix`, the root if that is all there is; nil if this name is not below it.
    public func relative(to suffix: DNSName) -> DNSName? {
        var start = 0
        while wire.count - start > suffix.wire.count { start += 1 + Int(wire[start]) }
        guard Self.same(wire[start...], suffix.wire[...]) else { return nil }
        return DNSName(wire: wire[..<start] + [0])
    }

    private static func same(_ a: ArraySlice<UInt8>, _ b: ArraySlice<UInt8>) -> Bool {
        a.count == b.count && zip(a, b).allSatisfy { folded($0) == folded($1) }
    }

    /// Lengths are at most 63, below the letters, so they can be folded along with the labels.
    static func folded(_ byte: UInt8) -> UInt8 {
        (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte | 0x20 : byte
    }
}

extension DNSName: Hashable {
    public static func == (a: DNSName, b: DNSName) -> Bool { same(a.wire[...], b.wire[...]) }

    public func hash(into hasher: inout Hasher) {
        for byte in wire { hasher.combine(Self.folded(byte)) }
    }
}

extension DNSName: CustomStringConvertible {
    /// With a dot at the end. Bytes that are no printable ASCII, and dots within labels, as `\DDD` (RFC 1035 §5.1).
    public var description: String {
        guard wire.count > 1 else { return "." }
        return labels.map { label in
            label.map { byte in
                guard (0x21...0x7E).contains(byte), byte != UInt8(ascii: "."), byte != UInt8(ascii: "\\") else {
                    let digits = String(byte)
                    return "\\" + String(repeating: "0", count: 3 - digits.count) + digits
                }
                return String(UnicodeScalar(byte))
            }.joined() + "."
        }.joined()
    }
}
