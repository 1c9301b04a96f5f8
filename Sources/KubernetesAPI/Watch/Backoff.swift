/// How long to wait before another attempt: from 0.8 s to 30 s, longer with each failure in a row, and never the same for all
/// nodes of a cluster. What has worked for two minutes has no failures behind it.
struct Backoff {
    private static let first = Duration.milliseconds(800)
    private static let longest = Duration.seconds(30)
    private static let forgetting = Duration.seconds(120)

    private var bound = Self.first
    private var worksSince: Duration?

    /// It works. Once for the first sign of it is enough.
    mutating func succeeded(at now: Duration) { worksSince = worksSince ?? now }

    /// - Returns: a time between half of what this failure allows and all of it.
    mutating func failed(at now: Duration, _ random: inout any RandomNumberGenerator) -> Duration {
        if let worksSince, now - worksSince >= Self.forgetting { bound = Self.first }
        worksSince = nil
        bound = min(bound * 2, Self.longest)
        return bound * Double.random(in: 0.5...1, using: &random)
    }
}
