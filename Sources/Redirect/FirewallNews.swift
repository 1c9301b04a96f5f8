internal import Services

/// What the kernel's nftables tells of changes to Portico's rules: messages that each say what was changed, and one at the end
/// of a transaction that says by which process. `linux/netfilter/nf_tables.h` has the numbers.
///
/// Only iptables over nftables is heard of here: the kernel's older tables tell nobody of changes.
struct FirewallNews {
    private enum Kind: UInt8 {
        case deleteTable = 2
        case newChain = 3
        case deleteChain = 5
        case newRule = 6
        case deleteRule = 8
        /// The end of a transaction.
        case newGeneration = 15
    }

    private static let nftables: UInt8 = 10
    private static let builtIn: Set = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT"]
    private static let own = Set(ChainName.filter + ChainName.nat + ChainName.mangle)

    /// The transaction that is being told of has touched a chain of Portico's, or deleted a rule where its jumps are.
    private var isTouched = false

    /// Takes messages, as read from a netlink socket; the numbers of the processes that have touched Portico's rules by then.
    mutating func take(_ bytes: [UInt8]) -> [Int32] {
        var culprits: [Int32] = []
        var rest = bytes[...]
        while rest.count >= 20 {
            let length = Int(rest.u32(at: 0))
            guard length >= 20, length <= rest.count else { break }
            let (type, subsystem) = (rest.byte(at: 4), rest.byte(at: 5))
            // Behind netlink's header and netfilter's own.
            let body = rest.dropFirst(20).prefix(length - 20)
            rest = rest.dropFirst((length + 3) & ~3)
            guard subsystem == Self.nftables, let kind = Kind(rawValue: type) else { continue }
            let attributes = Self.attributes(body)
            if kind == .newGeneration {
                if isTouched { culprits.append(Self.number(attributes[2])) }
                isTouched = false
            } else if Self.concernsUs(kind, attributes.mapValues(Self.text)) {
                isTouched = true
            }
        }
        return culprits
    }

    private static func concernsUs(_ kind: Kind, _ names: [UInt16: String]) -> Bool {
        guard names[1].flatMap(TableName.init) != nil else { return false }
        switch kind {
        case .deleteTable: return true
        case .newChain, .deleteChain: return names[3].map(own.contains) ?? false
        case .newRule: return names[2].map(own.contains) ?? false
        case .deleteRule: return names[2].map { own.contains($0) || builtIn.contains($0) } ?? false
        case .newGeneration: return false
        }
    }

    /// Attributes by number. Of texts 1 is always the table, 2 a rule's chain, 3 a chain's name; of the end of a transaction 2
    /// is the process.
    private static func attributes(_ bytes: ArraySlice<UInt8>) -> [UInt16: ArraySlice<UInt8>] {
        var found: [UInt16: ArraySlice<UInt8>] = [:]
        var rest = bytes
        while rest.count >= 4 {
            let length = Int(rest.u16(at: 0))
            guard length >= 4, length <= rest.count else { break }
            found[rest.u16(at: 2) & 0x3FFF] = rest.dropFirst(4).prefix(length - 4)
            rest = rest.dropFirst((length + 3) & ~3)
        }
        return found
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// In network order; 0 if there is none.
    private static func number(_ bytes: ArraySlice<UInt8>?) -> Int32 {
        guard let bytes, bytes.count >= 4 else { return 0 }
        return Int32(bitPattern: UInt32(bigEndian: bytes.u32(at: 0)))
    }
}

extension ArraySlice<UInt8> {
    fileprivate func byte(at offset: Int) -> UInt8 { self[startIndex + offset] }

    /// In the machine's byte order, as netlink has it.
    fileprivate func u16(at offset: Int) -> UInt16 {
        withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt16.self) }
    }

    fileprivate func u32(at offset: Int) -> UInt32 {
        withUnsafeBytes { $0.loadUnaligned(fromByteOffset: offset, as: UInt32.self) }
    }
}
