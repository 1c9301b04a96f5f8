/// Says how long a change of the rules has to wait, so that a cluster that changes all the time does not keep iptables
/// busy all the time: a bucket of tokens, which gets one back in each period.
struct SyncPacer {
    /// Zero sets no limit.
    let period: Duration
    private let burst: Double
    private var tokens: Double
    private var filled: ContinuousClock.Instant?

    /// - Parameter burst: how many may follow each other at once.
    init(period: Duration, burst: Double = 2) {
        self.period = period
        self.burst = burst
        tokens = burst
    }

    /// How long a sync has to wait from `now` on.
    func wait(at now: ContinuousClock.Instant) -> Duration {
        let missing = 1 - tokens(at: now)
        return missing > 0 ? period * missing : .zero
    }

    /// A sync begins.
    mutating func began(at now: ContinuousClock.Instant) {
        tokens = max(0, tokens(at: now) - 1)
        filled = now
    }

    private func tokens(at now: ContinuousClock.Instant) -> Double {
        guard let filled, period > .zero else { return burst }
        return min(burst, tokens + (now - filled) / period)
    }
}
