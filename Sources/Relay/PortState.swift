internal import Services

/// One service port in one worker: what its new connections need, and what they add up to. The worker's thread only.
final class PortState {
    let id: ServicePortID
    /// Replaced when the endpoints change; connections that stand are not affected.
    var balancer: Balancer
    var counters = PortCounters()
    /// The service port is no longer served; the last connection takes this with it.
    var isRemoved = false

    init(id: ServicePortID, balancer: Balancer) {
        self.id = id
        self.balancer = balancer
    }
}
