internal import Base

/// Which of many numbered things have an IP address. A thing may have the same address several times.
///
/// For one hundred thousand endpoints: so it holds four bytes of each address's hash and the four of the number, and
/// only where several things share an address a set of their own. Two addresses may have the same four bytes; then a
/// question about one is answered with the things of both, and whoever asks does a little too much.
struct AddressIndex: Sendable {
    /// By hash: the number of the one thing there, or where in `shared` those are that share it.
    private var entries: [UInt32: Entry] = [:]
    private var shared: [CountedSet<UInt32>] = []
    private var free: [UInt32] = []

    private struct Entry: Sendable {
        private static let sharedBit: UInt32 = 1 << 31
        private let bits: UInt32

        init(number: UInt32) { bits = number & ~Self.sharedBit }
        init(shared index: UInt32) { bits = index | Self.sharedBit }

        var isShared: Bool { bits & Self.sharedBit != 0 }
        var value: UInt32 { bits & ~Self.sharedBit }
    }

    func numbers(at address: IPAddress) -> [UInt32] {
        guard let entry = entries[Self.hash(address)] else { return [] }
        return entry.isShared ? Array(shared[Int(entry.value)].elements) : [entry.value]
    }

    mutating func insert(_ address: IPAddress, _ number: UInt32) {
        let hash = Self.hash(address)
        guard let entry = entries[hash] else {
            entries[hash] = Entry(number: number)
            return
        }
        if entry.isShared {
            shared[Int(entry.value)].insert(number)
            return
        }
        var both = CountedSet<UInt32>()
        both.insert(entry.value)
        both.insert(number)
        let index = free.popLast() ?? UInt32(shared.count)
        if Int(index) == shared.count { shared.append(both) } else { shared[Int(index)] = both }
        entries[hash] = Entry(shared: index)
    }

    /// Takes out what was inserted before, once.
    mutating func remove(_ address: IPAddress, _ number: UInt32) {
        let hash = Self.hash(address)
        guard let entry = entries[hash] else { return }
        guard entry.isShared else {
            if entry.value == number { entries.take(hash) }
            return
        }
        shared[Int(entry.value)].remove(number)
        guard shared[Int(entry.value)].count == 0 else { return }
        shared[Int(entry.value)] = CountedSet()
        free.append(entry.value)
        entries.take(hash)
    }

    private static func hash(_ address: IPAddress) -> UInt32 {
        // The multiplier is odd, so that no two IPv4 addresses have the same product; its high half depends on all
        // bits.
        let mixed = (address.low ^ address.high &* 0xD6E8_FEB8_6659_FD93) &* 0x9E37_79B9_7F4A_7C15
        return UInt32(truncatingIfNeeded: mixed >> 32)
    }
}
