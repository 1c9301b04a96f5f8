internal import Balancing
internal import Base
internal import EventLoop

/// Forgetting clients whose session affinity has expired. An expired pin is never used, so this is about memory alone, and
/// one worker does it for all.
extension Worker {
    /// Milliseconds between two sweeps, while any service port has affinity.
    private static let pinInterval: UInt64 = 10_000

    func startSweepingPins() {
        guard index == 0, !sweepingPins else { return }
        guard ports.values.contains(where: { $0.route.policy.affinity != .none }) else { return }
        sweepingPins = true
        pinTimer?.start(after: Self.pinInterval)
    }

    func sweepPins() {
        for port in ports.values { port.route.sweep(at: loop.now) }
        sweepingPins = false
        startSweepingPins()
    }
}
