internal import Balancing

/// One service port in one worker: what its new connections need, and what they add up to. The worker's thread only.
final class PortState {
    let id: ServicePortID
    /// Replaced when the endpoints or the policy change; connections that stand are not affected.
    var route: ServiceRoute
    /// What it counts in this worker.
    let counters: UnsafeMutablePointer<PortCells>
    /// Keeps them.
    private let meter: PortMeter
    /// What it has of the worker's supplies.
    var has = Holdings()
    /// Until then its clients stay with the worker that has accepted them: another one had no room. Milliseconds of the
    /// loop's time.
    var staysUntil: UInt64 = 0
    /// The service port is no longer served; the last connection takes this with it.
    var isRemoved = false

    /// The numbers of its listeners.
    var listeners: Set<UInt32> = []

    /// TCP only: clients that wait for an endpoint, in the order in which they came.
    var waiting: [Waiting] = []
    /// TCP only: clients that others have accepted and for whom there is no room yet, in the order in which they came.
    var guests: [Guest] = []
    /// They are being dialled for right now.
    var isResuming = false

    /// UDP only.
    var flows: FlowTable
    /// UDP only: when it was last told that flows have had to make room, in milliseconds of the loop's time.
    var evictionsTold: UInt64 = 0
    /// UDP only: a flow ends after so many replies; nil if it does not.
    var replyLimit: Int? { route.policy.udpReplies }

    init(id: ServicePortID, route: ServiceRoute, meter: PortMeter, worker: Int, timeouts: FlowTimeouts) {
        self.id = id
        self.route = route
        self.meter = meter
        self.counters = meter.cells(of: worker)
        self.flows = FlowTable(timeouts: timeouts)
    }
}
