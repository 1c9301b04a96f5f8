import KubernetesAPI
import Objects
import TestSupport

/// A clock that stands until it is moved on.
final class TestClock: Sendable {
    private let passed = Locked(Duration.zero)
    private let start = ContinuousClock.now

    /// At first 2026-01-01T00:00:00Z.
    private static let date: Int64 = 1_767_225_600

    var clock: CredentialClock {
        CredentialClock(
            now: { self.start + self.passed.withLock { $0 } },
            date: { Timestamp(seconds: Self.date + self.passed.withLock { $0.components.seconds }) })
    }

    func advance(_ duration: Duration) { passed.withLock { $0 += duration } }

    /// The time so many seconds from now on, as a plug-in writes it.
    func expiry(_ seconds: Int64) -> String {
        "\(Timestamp(seconds: Self.date + passed.withLock { $0.components.seconds } + seconds))"
    }
}

extension RequestCredentials {
    /// The value of the only header, if it is the one for authorization.
    var authorization: String? { headers.first { $0.name == "Authorization" }?.value }
}
