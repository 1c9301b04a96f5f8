internal import Glibc

/// A point in time after which a blocking operation of a test gives up, so that no test hangs.
///
/// All deadlines are stretched by `PORTICO_TEST_PATIENCE` (a whole number, default 1), which `make test-sanitizers`
/// raises: instrumented code is several times slower, and a test must not fail for that.
public struct Deadline: Sendable {
    public let instant: ContinuousClock.Instant

    public static func within(_ duration: Duration) -> Deadline {
        Deadline(instant: .now + duration * patience)
    }

    public var hasPassed: Bool { ContinuousClock.now >= instant }

    /// The time left in whole milliseconds, rounded up so that poll never spins on the last fraction; never negative.
    public var milliseconds: Int32 {
        let left = (instant - .now).components
        guard left.seconds >= 0, left.attoseconds >= 0 else { return 0 }
        let rounded = left.seconds * 1000 + (left.attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000
        return Int32(clamping: rounded)
    }

    static let patience: Int = {
        guard let text = getenv("PORTICO_TEST_PATIENCE"), let factor = Int(String(cString: text)), factor > 0
        else { return 1 }
        return factor
    }()
}
