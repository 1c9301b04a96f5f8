import Admin
import EventLoop
import TestSupport

/// A clock that stands still until it is moved; the wall clock goes with it, from a time that is easy to read.
final class FakeClock: Sendable {
    private let start = ContinuousClock.now
    private let passed = Locked(Duration.zero)

    /// 2026-03-04 05:06:07.089 UTC.
    private static let wallStart: Int64 = 1_772_600_767_089_000_000

    func advance(by duration: Duration) { passed.withLock { $0 += duration } }

    var clock: HealthClock {
        HealthClock(
            now: { self.start + self.passed.withLock { $0 } },
            wallNanoseconds: { Self.wallStart + Int64(self.passed.withLock { $0 } / .nanoseconds(1)) })
    }
}

/// An answer taken apart.
struct Answer {
    var status: String
    var headers: Set<String>
    var body: String
}

/// Asks over a connection of its own; throws where nobody listens.
func ask(
    _ port: UInt16, _ path: String = "/", method: String = "GET", on host: String = "127.0.0.1"
) async throws -> Answer {
    let text = "\(method) \(path) HTTP/1.1\r\nHost: node\r\nConnection: close\r\n\r\n"
    let client = try ScriptedPeer.connect(to: port, on: host, script: [.send(text), .receiveAll])
    let received = try await client.finished().received.text
    let parts = received.split(separator: "\r\n\r\n", maxSplits: 1, omittingEmptySubsequences: false)
    let lines = parts[0].split(separator: "\r\n").map(String.init)
    return Answer(
        status: lines.first ?? "", headers: Set(lines.dropFirst()), body: parts.count > 1 ? String(parts[1]) : "")
}

/// Whether connections to the port are refused.
func isRefused(_ port: UInt16, on host: String = "127.0.0.1") async throws -> Bool {
    let client = try ScriptedPeer.connect(to: port, on: host, script: [])
    return await client.report().failure?.reason.isRefused == true
}
