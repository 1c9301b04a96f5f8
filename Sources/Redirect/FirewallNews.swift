internal import Services

/// What a message of the kernel's nftables says about Portico's rules. `linux/netfilter/nf_tables.h` has the numbers.
///
/// Only iptables over nftables is heard of here: the kernel's older tables tell nobody of changes.
enum FirewallNews {
    private enum Kind: UInt8 {
        case deleteTable = 2
        case newChain = 3
        case deleteChain = 5
        case newRule = 6
        case deleteRule = 8
    }

    private static let nftables: UInt8 = 10
    private static let builtIn: Set = ["PREROUTING", "INPUT", "FORWARD", "OUTPUT"]
    private static let own = Set(ChainName.filter + ChainName.nat)

    /// Whether any of the messages in `bytes`, as read from a netlink socket, is about a chain of Portico's, or about a rule
    /// that was deleted where its jumps are.
    static func concernsUs(_ bytes: [UInt8]) -> Bool {
        var rest = bytes[...]
        while rest.count >= 20 {
            let length = Int(rest.u32(at: 0))
            guard length >= 20, length <= rest.count else { break }
            let (type, subsystem) = (rest.byte(at: 4), rest.byte(at: 5))
            if subsystem == nftables, let kind = Kind(rawValue: type) {
                // Behind netlink's header and netfilter's own.
                let names = attributes(rest.dropFirst(20).prefix(length - 20))
                if concernsUs(kind, names) { return true }
            }
            rest = rest.dropFirst((length + 3) & ~3)
        }
        return false
    }

    private static func concernsUs(_ kind: Kind, _ names: [UInt16: String]) -> Bool {
        guard names[1].flatMap(TableName.init) != nil else { return false }
        switch kind {
        case .deleteTable: return true
        case .newChain, .deleteChain: return names[3].map(own.contains) ?? false
        case .newRule: return names[2].map(own.contains) ?? false
        case .deleteRule: return names[2].map { own.contains($0) || builtIn.contains($0) } ?? false
        }
    }

    /// Attributes that are texts, by number: 1 is always the table, 2 a rule's chain, 3 a chain's name.
    private static func attributes(_ bytes: ArraySlice<UInt8>) -> [UInt16: String] {
        var found: [UInt16: String] = [:]
        var rest = bytes
        while rest.count >= 4 {
            let length = Int(rest.u16(at: 0))
            guard length >= 4, length <= rest.count else { break }
            let text = rest.dropFirst(4).prefix(length - 4).prefix { $0 != 0 }
            found[rest.u16(at: 2) & 0x3FFF] = String(decoding: text, as: UTF8.self)
            rest = rest.dropFirst((length + 3) & ~3)
        }
        return found
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
