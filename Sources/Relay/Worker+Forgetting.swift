internal import Balancing
internal import Base
internal import EventLoop

/// Forgetting clients whose session affinity has expired. An expired pin is never used, so this is about memory alone,
/// and one worker does it for all.
extension Worker {
    /// Milliseconds between two rounds, while any service port has affinity, and between two parts of one.
    private static let pinInterval: UInt64 = 10_000
    private static let pinPause: UInt64 = 10
    /// So many service ports are looked at even if the turn is a long one already.
    private static let fewPorts = 16

    /// A service port is new, or its policy may be another one.
    func affinityMayHaveChanged(of port: PortState) {
        guard index == 0 else { return }
        if port.route.policy.affinity == .none {
            portsWithAffinity.remove(port)
        } else {
            portsWithAffinity.insert(port)
            startSweepingPins()
        }
    }

    private func startSweepingPins() {
        guard !sweepingPins else { return }
        sweepingPins = true
        pinTimer?.start(after: Self.pinInterval)
    }

    func sweepPins() {
        if pinsToSweep.isEmpty { pinsToSweep = portsWithAffinity.visit() }
        var count = 0
        while count < Self.fewPorts || loop.hasTime, let port = pinsToSweep.popLast() {
            count += 1
            port.route.sweep(at: loop.now)
        }
        guard pinsToSweep.isEmpty else {
            pinTimer?.start(after: Self.pinPause)
            return
        }
        sweepingPins = false
        if !portsWithAffinity.isEmpty { startSweepingPins() }
    }
}
