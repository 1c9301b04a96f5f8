public import Testing

/// Tries something on sequences of events that seeds make, and when it fails finds a short sequence that fails, too.
///
/// Events hold all that they need: any of them can be left out and the rest still means something.
public struct SequenceProperty<Event: Sendable & CustomStringConvertible>: Sendable {
    private let make: @Sendable (inout SeededRandom) -> [Event]
    private let check: @Sendable ([Event]) -> String?

    /// - Parameters:
    ///   - make: a sequence; the same for the same seed.
    ///   - check: from the beginning, what is wrong after the first event after which something is; nil if nothing is.
    public init(
        _ make: @escaping @Sendable (inout SeededRandom) -> [Event],
        holds check: @escaping @Sendable ([Event]) -> String?
    ) {
        self.make = make
        self.check = check
    }

    /// Records an issue, with the shortest sequence that was found, if the property does not hold for the sequence of `seed`.
    public func verify(seed: UInt64, sourceLocation: SourceLocation = #_sourceLocation) {
        var random = SeededRandom(seed)
        guard let failure = failure(of: make(&random)) else { return }
        let events = failure.events.enumerated().map { "  \($0 + 1). \($1)" }.joined(separator: "\n")
        Issue.record("seed \(seed), after\n\(events)\n\(failure.text)", sourceLocation: sourceLocation)
    }

    /// A sequence from which no event can be left out any more; nil if `events` do not fail.
    public func failure(of events: [Event]) -> (events: [Event], text: String)? {
        guard var text = check(events) else { return nil }
        var events = events
        // Halves first, then smaller and smaller pieces, until not even one event can go.
        var size = max(1, events.count / 2)
        while true {
            var start = 0
            var isShorter = false
            while start < events.count {
                var shorter = events
                shorter.removeSubrange(start..<min(start + size, events.count))
                if let failure = check(shorter) {
                    (events, text, isShorter) = (shorter, failure, true)
                } else {
                    start += size
                }
            }
            if size == 1, !isShorter { return (events, text) }
            size = max(1, size / 2)
        }
    }
}
