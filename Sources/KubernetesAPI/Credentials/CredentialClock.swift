internal import Glibc
public import Objects

/// The times that credentials need: one for ages, which never jumps, and the one that expiry is told in.
public struct CredentialClock: Sendable {
    public var now: @Sendable () -> ContinuousClock.Instant
    public var date: @Sendable () -> Timestamp

    public init(now: @escaping @Sendable () -> ContinuousClock.Instant, date: @escaping @Sendable () -> Timestamp) {
        self.now = now
        self.date = date
    }

    public static let system = CredentialClock(
        now: { ContinuousClock.now }, date: { Timestamp(seconds: Int64(time(nil))) })
}
