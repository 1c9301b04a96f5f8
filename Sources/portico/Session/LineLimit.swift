/// Lets so many lines through that people can read them, and counts the others. Whoever writes what is told about, as a
/// server may, decides how often it changes.
struct LineLimit {
    /// Lines at once, at most.
    private static let most = 100
    /// One more comes to be allowed in this time.
    private static let interval = Duration.seconds(1)

    private var allowed = Self.most
    private var counted: ContinuousClock.Instant
    private var leftOut = 0

    init(at now: ContinuousClock.Instant = .now) { counted = now }

    /// - Returns: how many lines were left out before this one; nil if it is to be left out itself.
    mutating func take(at now: ContinuousClock.Instant = .now) -> Int? {
        let more = Int(min((now - counted) / Self.interval, Double(Self.most)))
        if more > 0 {
            allowed = min(Self.most, allowed + more)
            counted = now
        }
        guard allowed > 0 else {
            leftOut += 1
            return nil
        }
        allowed -= 1
        defer { leftOut = 0 }
        return leftOut
    }
}
