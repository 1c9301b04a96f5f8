internal import Base
internal import EventLoop

/// What the kernel's nftables tells of changes to Portico's rules: messages that each say what was changed, and one at
/// the end of a transaction that has its number. `linux/netfilter/nf_tables.h` has the numbers.
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
    private static let own = Set(ChainName.filter + ChainName.nat + ChainName.mangle)

    /// Where the jumps are.
    private let builtIn: Set<String>
    /// The kernel carries Services by itself: its chains are Portico's too.
    private let isCarrying: Bool

    /// The transaction that is being told of has touched a chain of Portico's, or deleted a rule where its jumps are.
    private var isTouched = false

    init(isCarrying: Bool = false) {
        self.isCarrying = isCarrying
        builtIn = Set(["PREROUTING", "INPUT", "FORWARD", "OUTPUT"] + (isCarrying ? ["POSTROUTING"] : []))
    }

    /// Takes messages, as read from a netlink socket; the numbers of the transactions that have touched Portico's rules
    /// by then.
    mutating func take(_ bytes: [UInt8]) -> [UInt32] {
        var generations: [UInt32] = []
        for message in NetlinkMessages(bytes[...]) {
            guard message.subsystem == Self.nftables, let kind = Kind(rawValue: message.kind) else { continue }
            let attributes = Dictionary(message.attributes.map { ($0.number, $0.value) }) { $1 }
            if kind == .newGeneration {
                if isTouched { generations.append(Self.number(attributes[1])) }
                isTouched = false
            } else if concernsUs(kind, attributes.mapValues(Self.text)) {
                isTouched = true
            }
        }
        return generations
    }

    /// Messages were lost: what comes next may be of another transaction.
    mutating func skip() { isTouched = false }

    /// Of texts 1 is always the table, 2 a rule's chain, 3 a chain's name; of the end of a transaction 1 is its number.
    private func concernsUs(_ kind: Kind, _ names: [UInt16: String]) -> Bool {
        guard names[1].flatMap(TableName.init) != nil else { return false }
        switch kind {
        case .deleteTable: return true
        case .newChain, .deleteChain: return names[3].map(isOwn) ?? false
        case .newRule: return names[2].map(isOwn) ?? false
        case .deleteRule: return names[2].map { isOwn($0) || builtIn.contains($0) } ?? false
        case .newGeneration: return false
        }
    }

    private func isOwn(_ chain: String) -> Bool {
        Self.own.contains(chain) || isCarrying && KubeProxyChains.isOfKernelCarrier(chain)
    }

    private static func text(_ bytes: ArraySlice<UInt8>) -> String {
        String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
    }

    /// In network order; 0 if there is none.
    private static func number(_ bytes: ArraySlice<UInt8>?) -> UInt32 {
        guard let bytes, bytes.count >= 4 else { return 0 }
        return UInt32(bigEndian: bytes.u32(at: 0))
    }
}
