extension IPAddress {
    /// In network order: 4 or 16 bytes.
    public var bytes: [UInt8] {
        let all = [high, low].flatMap { word in (0..<8).map { UInt8(truncatingIfNeeded: word >> (56 - 8 * $0)) } }
        return family == .ipv4 ? Array(all.suffix(4)) : all
    }

    /// - Parameter bytes: in network order; nil unless there are 4 or 16.
    public init?(bytes: some Collection<UInt8>) {
        func word(_ bytes: some Sequence<UInt8>) -> UInt64 { bytes.reduce(0) { $0 << 8 | UInt64($1) } }
        switch bytes.count {
        case 4: self.init(v4: UInt32(truncatingIfNeeded: word(bytes)))
        case 16: self.init(v6High: word(bytes.prefix(8)), low: word(bytes.dropFirst(8)))
        default: return nil
        }
    }
}
