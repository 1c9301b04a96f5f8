internal import Synchronization

/// Something that begins and ends, maybe in several workers at once, such as a shortage, and is reported once for all
/// of them. Any thread.
public final class Episode: Sendable {
    /// It has to be over for this long, in milliseconds, before it is reported again.
    public static let silence: UInt64 = 10_000

    private let places = Atomic<Int>(0)
    /// When it was over last; 0 for never.
    private let over = Atomic<UInt64>(0)

    public init() {}

    /// It has begun in one more place, which is to call ``end(at:)``.
    ///
    /// - Parameter now: milliseconds of a clock that all places share.
    /// - Returns: whether to report it.
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
