public import Balancing
public import Base
public import Objects

/// Gives every service port a port of the proxy that is the same after a restart: it follows from the service port's
/// name.
///
/// So rules and the kernel's memory of UDP flows stay right when the proxy is replaced. Two names may follow to the
/// same port; then the one that came second gets the next free one, and keeps it. Names are given ports in their order,
/// so that the same Services get the same ports again.
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

        var service: ObjectKey { ObjectKey(namespace: name.namespace, name: name.service) }
    }

    private struct Port: Hashable {
        let transport: TransportProtocol
        let number: UInt16
    }

    private let range: ProxyPortRange
    /// Never given out, although in the range.
    private let excluded: ClosedRange<UInt16>
    private struct Given {
        let key: Key
        let number: UInt16
    }

    /// By Service, which has few.
    private var given: [ObjectKey: [Given]] = [:]
    private var taken: Set<Port> = []
    /// Others listen there.
    private var busy: Set<Port> = []
    /// Services that went away empty.
    private var waiting: Set<ObjectKey> = []
    private var hasFreed = false

    /// - Parameter excluded: the node ports.
    public init(range: ProxyPortRange = .standard, excluding excluded: ClosedRange<UInt16>) {
        self.range = range
        self.excluded = excluded
    }

    /// The port of `key`; nil if all of the range are given away. Then its Service is among the ``nextInLine()``.
    public mutating func port(for key: Key) -> UInt16? {
        if let known = number(of: key) { return known }
        let (first, count) = (UInt64(range.ports.lowerBound), UInt64(range.ports.count))
        let start = StableHash.of("\(key.name) \(key.transport.rawValue) \(key.policy.rawValue)") % count
        for step in 0..<count {
            let number = UInt16(truncatingIfNeeded: first + (start + step) % count)
            let port = Port(transport: key.transport, number: number)
            guard !excluded.contains(number), !taken.contains(port), !busy.contains(port) else { continue }
            give(port, to: key)
            return number
        }
        waiting.insert(key.service)
        return nil
    }

    /// Gives `key` a port that it is known to have: a former process has handed it over. Ignored if it has one already,
    /// or another has this one, or the range is another by now.
    public mutating func remember(_ number: UInt16, for key: Key) {
        let port = Port(transport: key.transport, number: number)
        guard self.number(of: key) == nil, range.ports.contains(number), !excluded.contains(number),
            !taken.contains(port)
        else { return }
        give(port, to: key)
    }

    /// Services that have a port, also those that do not exist any more and were handed over.
    var services: some Collection<ObjectKey> { given.keys }

    /// Takes back all that a Service has but these.
    public mutating func keep(only keys: Set<Key>, of service: ObjectKey) {
        waiting.remove(service)
        for given in given[service] ?? [] where !keys.contains(given.key) { takeBack(given.number, from: given.key) }
    }

    /// Takes away a port that another process listens on; ``port(for:)`` then gives the next one.
    public mutating func replace(_ key: Key) {
        guard let number = number(of: key) else { return }
        takeBack(number, from: key)
        busy.insert(Port(transport: key.transport, number: number))
    }

    /// Ports that others held may be free again. Whoever has got another one keeps that.
    public mutating func forgetBusy() {
        if !busy.isEmpty { hasFreed = true }
        busy = []
    }

    /// Services that lack a port and may get one now, since something was taken back after this was asked for last.
    public mutating func nextInLine() -> Set<ObjectKey> {
        defer { hasFreed = false }
        return hasFreed ? waiting : []
    }

    private func number(of key: Key) -> UInt16? { given[key.service]?.first { $0.key == key }?.number }

    private mutating func give(_ port: Port, to key: Key) {
        given[key.service, default: []].append(Given(key: key, number: port.number))
        taken.insert(port)
    }

    private mutating func takeBack(_ number: UInt16, from key: Key) {
        given[key.service]?.removeAll { $0.key == key }
        if given[key.service]?.isEmpty == true { given.take(key.service) }
        taken.remove(Port(transport: key.transport, number: number))
        hasFreed = true
    }
}
