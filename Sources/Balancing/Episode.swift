internal import Synchronization

/// Something that lasts for a while and comes again, in several places at once, and of which people want to hear once. Any
/// thread.
public final class Episode: Sendable {
    /// It has to be over for this long, in milliseconds, before it is told again.
    public static let silence: UInt64 = 10_000

    private let places = Atomic<Int>(0)
    /// When it was over last; 0 for never.
    private let over = Atomic<UInt64>(0)

    public init() {}

    /// It has begun in one more place, which is to call ``end(at:)``.
    ///
    /// - Parameter now: milliseconds of a clock that all places share.
    /// - Returns: whether that is news.
    public func begin(at now: UInt64) -> Bool {
        guard places.wrappingAdd(1, ordering: .relaxed).oldValue == 0 else { return false }
        let over = over.load(ordering: .relaxed)
        return over == 0 || now >= over + Self.silence
    }

    /// It is over in one of the places.
    public func end(at now: UInt64) {
        over.store(now, ordering: .relaxed)
        places.wrappingSubtract(1, ordering: .relaxed)
    }
}
