/// How many events a process writes at most, whatever happens: they are for people, and a cluster has thousands of
/// nodes that may all see the same.
struct EventLimits {
    /// What is said again within this time is left out.
    static let silence = Duration.seconds(600)
    /// So many different ones are remembered for that; of more, those that were said first are forgotten.
    static let mostRemembered = 256
    /// So many at once, after a time without any.
    static let burst = 20
    /// From then on one in this time.
    static let period = Duration.seconds(30)

    /// When each was said last.
    private var said: [ClusterEvent: Duration] = [:]
    /// When all of ``burst`` may be written again.
    private var isFullAt = Duration.zero

    /// Whether it is to be said: it was not lately.
    ///
    /// - Parameter now: on any clock that goes on.
    mutating func admits(_ event: ClusterEvent, at now: Duration) -> Bool {
        if let last = said[event], now - last < Self.silence { return false }
        if said.count >= Self.mostRemembered {
            said = said.filter { now - $0.value < Self.silence }
            if said.count >= Self.mostRemembered, let first = said.min(by: { $0.value < $1.value }) {
                said[first.key] = nil
            }
        }
        said[event] = now
        return true
    }

    /// It could not be said.
    mutating func forget(_ event: ClusterEvent) { said[event] = nil }

    /// How long the next one has to wait; zero if it may be written now.
    func wait(at now: Duration) -> Duration { max(.zero, isFullAt - now - Self.period * (Self.burst - 1)) }

    /// One is written.
    mutating func write(at now: Duration) { isFullAt = max(isFullAt, now) + Self.period }
}
