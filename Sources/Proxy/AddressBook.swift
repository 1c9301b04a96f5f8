public import Base

/// Gives every Service a loopback address of its own, the same one in every run: 127.64.0.0/10 holds four million of
/// them, needs no set-up on Linux, and lets services keep their port numbers side by side.
public struct AddressBook: Sendable {
    private static let network: UInt32 = 127 << 24 | 64 << 16
    private static let size: UInt32 = 1 << 22

    private var addresses: [String: IPAddress] = [:]
    private var taken: Set<UInt32> = []

    public init() {}

    /// The address of a Service: derived from its namespace and name, or the next one that is free if another Service
    /// came first. Once given it never moves, not even when the Service goes and comes back.
    public mutating func address(namespace: String, service: String) -> IPAddress {
        let key = "\(namespace)/\(service)"
        if let known = addresses[key] { return known }
        var offset = UInt32(truncatingIfNeeded: StableHash.of(key)) % Self.size
        // People read .0 and .255 as something other than a host.
        while taken.contains(offset) || offset & 0xFF == 0 || offset & 0xFF == 0xFF {
            offset = (offset + 1) % Self.size
        }
        taken.insert(offset)
        let address = IPAddress(v4: Self.network + offset)
        addresses[key] = address
        return address
    }
}
