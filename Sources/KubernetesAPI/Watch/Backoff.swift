/// How long to wait before the next request, by how long the one before it lasted, whatever it has brought: one that
/// lasted showed that all is well, and others follow each other ever more slowly, from 0.8 s to 30 s apart, and never
/// at the same time for all nodes of a cluster.
struct Backoff {
    private static let first = Duration.milliseconds(800)
    private static let longest = Duration.seconds(30)
    /// Whatever went before: who lets watches last so long is not to be waited for.
    private static let enough = Duration.seconds(10)

    private var bound = Self.first

    /// Whether an exchange that lasts so long shows that all is well.
    func isEnough(_ lasted: Duration) -> Bool { lasted > min(bound, Self.enough) }

    /// An exchange is over, and is to go on where it was.
    ///
    /// - Parameter lasted: zero if it never came about.
    /// - Returns: no time after one that lasted, so that nothing comes late.
    mutating func ended(after lasted: Duration, _ random: inout any RandomNumberGenerator) -> Duration {
        guard isEnough(lasted) else { return failed(after: lasted, &random) }
        bound = Self.first
        return .zero
    }

    /// It did not go as it should, and another attempt follows, not at once in any case.
    ///
    /// - Returns: a time between half of what this failure allows and all of it.
    mutating func failed(after lasted: Duration, _ random: inout any RandomNumberGenerator) -> Duration {
        if isEnough(lasted) { bound = Self.first }
        bound = min(bound * 2, Self.longest)
        return bound * Double.random(in: 0.5...1, using: &random)
    }
}
