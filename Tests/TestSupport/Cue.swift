internal import Glibc

/// A signal from the test to a peer, or between peers: given once, seen by everybody who waits for it, then or later.
///
/// It is a socket pair, because a peer must wait for a cue and for being stopped at the same time, and `poll` does
/// both. Not a pipe: Glibc's module lacks `pipe2`, and an end that slips into a child process must not hold the cue back.
public final class Cue: Sendable {
    /// Readable (at its end) once the cue is given.
    let readEnd: Int32
    private let writeEnd: Int32
    private let given = Locked(false)

    public init() {
        var ends: [Int32] = [-1, -1]
        let status = socketpair(AF_UNIX, CInt(SOCK_STREAM.rawValue) | SocketFlag.closeOnExec, 0, &ends)
        // Without descriptors the test cannot go on in any sense; the precondition names the reason.
        precondition(status == 0, "socketpair: \(PeerError.last("socketpair"))")
        (readEnd, writeEnd) = (ends[0], ends[1])
    }

    deinit {
        close(readEnd)
        close(writeEnd)
    }

    /// Gives the cue; giving it twice is harmless.
    public func give() {
        given.withLock { $0 = true }
        shutdown(writeEnd, CInt(SHUT_WR))
    }

    public var isGiven: Bool { given.withLock { $0 } }

    /// Waits for the cue without blocking a thread; throws `PeerError.timedOut` when it is not given in time.
    public func wait(within limit: Duration = .seconds(20)) async throws {
        guard await eventually(within: limit, { isGiven }) else { throw PeerError.timedOut("wait for a cue") }
    }
}
