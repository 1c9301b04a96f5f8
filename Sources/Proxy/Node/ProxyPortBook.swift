public import Balancing
public import Base

/// Gives every service port a port of the proxy that is the same after a restart: it follows from the service port's name.
///
/// So rules and the kernel's memory of UDP flows stay right when the proxy is replaced. Two names may follow to the same
/// port; then the one that came second gets the next free one, and keeps it. Names are given ports in their order, so that
/// the same Services get the same ports again.
public struct ProxyPortBook: Sendable {
    /// What gets a port. TCP and UDP have ports of their own kind; the families share a number.
    public struct Key: Hashable, Sendable {
        public let name: ServicePortName
        public let transport: TransportProtocol
        public let policy: TrafficPolicy

        public init(_ name: ServicePortName, _ transport: TransportProtocol, _ policy: TrafficPolicy) {
            self.name = name
            self.transport = transport
            self.policy = policy
        }
    }

    private struct Port: Hashable {
        let transport: TransportProtocol
        let number: UInt16
    }

    private let range: ProxyPortRange
    /// Never given out, although in the range.
    private let excluded: ClosedRange<UInt16>
    private var given: [Key: UInt16] = [:]
    private var taken: Set<Port> = []
    /// Others listen there.
    private var busy: Set<Port> = []

    /// - Parameter excluded: the node ports.
    public init(range: ProxyPortRange = .standard, excluding excluded: ClosedRange<UInt16>) {
        self.range = range
        self.excluded = excluded
    }

    /// The port of `key`; nil if all of the range are given away.
    public mutating func port(for key: Key) -> UInt16? {
        if let known = given[key] { return known }
        let (first, count) = (UInt64(range.ports.lowerBound), UInt64(range.ports.count))
        let start = StableHash.of("\(key.name) \(key.transport.rawValue) \(key.policy.rawValue)") % count
        for step in 0..<count {
            let number = UInt16(truncatingIfNeeded: first + (start + step) % count)
            let port = Port(transport: key.transport, number: number)
            guard !excluded.contains(number), !taken.contains(port), !busy.contains(port) else { continue }
            given[key] = number
            taken.insert(port)
            return number
        }
        return nil
    }

    /// Gives `key` a port that it is known to have: a former process has handed it over. Ignored if it has one already, or
    /// another has this one, or the range is another by now.
    public mutating func remember(_ number: UInt16, for key: Key) {
        let port = Port(transport: key.transport, number: number)
        guard given[key] == nil, range.ports.contains(number), !excluded.contains(number), !taken.contains(port)
        else { return }
        given[key] = number
        taken.insert(port)
    }

    /// Forgets all but these; their ports are free for others.
    public mutating func keep(only keys: Set<Key>) {
        for (key, number) in given where !keys.contains(key) {
            given[key] = nil
            taken.remove(Port(transport: key.transport, number: number))
        }
    }

    /// Takes away a port that another process listens on; ``port(for:)`` then gives the next one.
    public mutating func replace(_ key: Key) {
        guard let number = given.removeValue(forKey: key) else { return }
        let port = Port(transport: key.transport, number: number)
        taken.remove(port)
        busy.insert(port)
    }

    /// Ports that others held may be free again. Whoever has got another one keeps that.
    public mutating func forgetBusy() {
        busy = []
    }
}
