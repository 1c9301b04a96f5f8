public import Balancing
internal import Base

/// What the workers have counted, read where they count it: at any time, from any thread, and without their help.
/// Numbers of one answer may be a few messages apart, since nobody stops for it.
extension Relay {
    /// One service port; nil if it is not served. Costs the same however many there are.
    public nonisolated func counters(of port: ServicePortID) -> PortCounters? {
        served.withLock { $0[port] }?.counters
    }

    /// The relay as a whole.
    public nonisolated var total: RelayCounters {
        var total = RelayCounters()
        for worker in workers { total.add(worker.counters) }
        total.removed = removed.sum
        return total
    }

    /// Everything.
    public nonisolated func snapshot() -> RelaySnapshot {
        var snapshot = RelaySnapshot()
        let ports = served.withLock { ports in
            // Together, so that a service port that goes meanwhile is in the one or the other, and not in both.
            snapshot.total = total
            return ports
        }
        snapshot.ports = ports.mapValues(\.counters)
        return snapshot
    }
}

extension Relay.Served {
    var counters: PortCounters {
        var counters = meter.sum
        // What the workers share.
        counters.pinnedClients = route.pins.count
        counters.endpoints = route.balancer.count
        counters.ejectedEndpoints = route.balancer.ejectedCount
        return counters
    }
}
