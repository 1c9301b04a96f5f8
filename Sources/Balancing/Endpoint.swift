public import Base
public import Synchronization

/// What the workers share about one endpoint of one service port: an address, and how it has been doing.
///
/// Lives as long as some plan or connection refers to it, and is carried over when a service's endpoints change, so
/// that an endpoint that just failed is not forgotten by an unrelated update. Any thread.
public final class Endpoint: Sendable {
    public let address: EndpointAddress
    /// The pod behind it, for people; empty if unknown.
    public let podName: String
    /// Where to connect in place of `address`: a stand-in on this machine, or nil.
    public let standIn: EndpointAddress?
    /// It is on this machine, so that its answers to any address can be led through here.
    public let isLocal: Bool
    /// It has left its service port.
    private let retired = Atomic<Bool>(false)

    /// Connections being dialled or open through this endpoint now.
    public let open = Atomic<Int>(0)
    /// Until when (milliseconds of the loops' clock) this endpoint is passed over; 0 if it is not.
    private let penaltyUntil = Atomic<UInt64>(0)
    /// When it was ejected last, in the same milliseconds.
    private let ejectedAt = Atomic<UInt64>(0)
    /// When it was let in again last, in the same milliseconds.
    private let pardonedAt = Atomic<UInt64>(0)
    /// Ejections since it last showed that it works, or had been in use for ``forgetting`` without another.
    private let failures = Atomic<Int>(0)
    /// The number of the ``Probing`` that is under way; 0 if there is none.
    private let prober = Atomic<UInt64>(0)
    /// How many probings there have been.
    private let probings = Atomic<UInt64>(0)

    public init(
        _ address: EndpointAddress, podName: String = "", standIn: EndpointAddress? = nil, isLocal: Bool = false
    ) {
        self.address = address
        self.podName = podName
        self.standIn = standIn
        self.isLocal = isLocal
    }

    convenience init(_ endpoint: ServiceEndpoint, standIn: EndpointAddress?) {
        self.init(
            endpoint.address, podName: endpoint.podName ?? "", standIn: standIn, isLocal: endpoint.isLocal)
    }

    /// Where connections to this endpoint really go.
    public var dialAddress: EndpointAddress { standIn ?? address }
}

// MARK: - Penalties

extension Endpoint {
    private static let ejected = UInt64.max
    /// For so many milliseconds after it has been let in again, a failure is taken for more of the same.
    static let forgetting: UInt64 = 300_000

    /// Passes the endpoint over until `time`, as far as others are there to take its place.
    public func penalise(until time: UInt64) {
        penaltyUntil.store(time, ordering: .relaxed)
    }

    /// Passes the endpoint over until it is pardoned, as far as others are there to take its place.
    ///
    /// - Parameter now: milliseconds of the loops' clock.
    /// - Returns: whether that is news.
    public func eject(at now: UInt64) -> Bool {
        guard !isEjected else { return false }
        let before = penaltyUntil.exchange(Self.ejected, ordering: .acquiringAndReleasing)
        guard before != Self.ejected else { return false }
        ejectedAt.store(now, ordering: .relaxed)
        let isForgotten = now &- pardonedAt.load(ordering: .relaxed) >= Self.forgetting
        if isForgotten { failures.store(1, ordering: .relaxed) } else { failures.wrappingAdd(1, ordering: .relaxed) }
        return true
    }

    public var isEjected: Bool { penaltyUntil.load(ordering: .acquiring) == Self.ejected }

    /// It works: use it again at once.
    ///
    /// - Parameter now: milliseconds of the loops' clock.
    /// - Returns: whether it had been ejected. Then the caller asks ``startProbing()``, since in this very moment it
    ///   may have been ejected again by somebody who saw that it was still being probed.
    @discardableResult
    public func pardon(at now: UInt64) -> Bool {
        // Read first: a store would take the cache line from the other workers on every connection.
        guard penaltyUntil.load(ordering: .relaxed) != 0 else { return false }
        guard penaltyUntil.exchange(0, ordering: .acquiringAndReleasing) == Self.ejected else { return false }
        pardonedAt.store(now, ordering: .relaxed)
        prober.store(0, ordering: .releasing)
        return true
    }

    public func isPenalised(at now: UInt64) -> Bool {
        penaltyUntil.load(ordering: .relaxed) > now
    }

    /// One caller's attempts to reach an ejected endpoint, from the ejection to the pardon.
    public struct Probing: Equatable, Sendable {
        fileprivate let number: UInt64
    }

    /// Makes the caller the one that tries an ejected endpoint again; nil if another one does already, or if it is not
    /// ejected. A caller that got one calls ``stopProbing(_:)`` in the end.
    public func startProbing() -> Probing? {
        guard isEjected, !isRetired else { return nil }
        let number = probings.wrappingAdd(1, ordering: .relaxed).newValue
        let (isTaken, _) = prober.compareExchange(expected: 0, desired: number, ordering: .acquiringAndReleasing)
        return isTaken ? Probing(number: number) : nil
    }

    /// The caller no longer tries the endpoint. It may have been ejected again in this very moment, and then nobody
    /// probes it: so the caller asks ``startProbing()`` once more.
    public func stopProbing(_ probing: Probing) {
        _ = prober.compareExchange(expected: probing.number, desired: 0, ordering: .acquiringAndReleasing)
    }

    /// Whether it is ejected, still an endpoint at all, and has not been pardoned since `probing` began.
    public func needsProbing(by probing: Probing) -> Bool {
        isEjected && !isRetired && prober.load(ordering: .acquiring) == probing.number
    }
}

// MARK: - Failing again and again

extension Endpoint {
    /// How often it has been ejected without a ``prove(since:)`` in between: it was let in again each time, and failed
    /// before long.
    public var failuresInARow: Int { failures.load(ordering: .relaxed) }

    /// That it can be connected to has been no sign that it works.
    public var hasRelapsed: Bool { failuresInARow > 1 }

    /// It works: a connection to it has lived for a while, or brought something back.
    ///
    /// - Parameter beginning: of that connection, in milliseconds of the loops' clock. One from before the last failure
    ///   says nothing.
    /// - Returns: whether that is news.
    @discardableResult
    public func prove(since beginning: UInt64) -> Bool {
        // Read first, as when it is pardoned.
        guard failuresInARow != 0, ejectedAt.load(ordering: .relaxed) < beginning else { return false }
        failures.store(0, ordering: .relaxed)
        return true
    }
}

// MARK: - Coming and going

extension Endpoint {
    /// Whether it has left its service port: then session affinity no longer leads to it.
    public var isRetired: Bool { retired.load(ordering: .acquiring) }

    func retire() { retired.store(true, ordering: .releasing) }
}
