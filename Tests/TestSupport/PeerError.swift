internal import Glibc

/// Why a step of a peer did not do what the script says.
public enum PeerError: Error, Sendable, Equatable {
    /// A system call failed.
    case system(String, errno: Int32)
    /// The deadline of the step passed.
    case timedOut(String)
    /// The other side closed before the step had what it wanted.
    case ended(after: Int, of: Int)
    /// The other side did something the script rules out.
    case unexpected(String)
    /// The test (or the deinitializer of the peer) stopped it.
    case stopped

    /// The last error of the calling thread; read first, before anything can disturb it.
    static func last(_ operation: String) -> PeerError { .system(operation, errno: errno) }

    /// True for a reset by the other side, on whichever call it was noticed.
    public var isReset: Bool {
        guard case .system(_, let code) = self else { return false }
        return code == ECONNRESET || code == EPIPE
    }

    public var isRefused: Bool {
        guard case .system(_, let code) = self else { return false }
        return code == ECONNREFUSED
    }

    public var isTimeout: Bool {
        guard case .timedOut = self else { return false }
        return true
    }
}

extension PeerError: CustomStringConvertible {
    public var description: String {
        switch self {
        case .system(let operation, let code):
            "\(operation): \(strerror(code).map { String(cString: $0) } ?? "error \(code)")"
        case .timedOut(let operation): "\(operation): deadline passed"
        case .ended(let after, let of): "the other side closed after \(after) of \(of) bytes"
        case .unexpected(let what): what
        case .stopped: "stopped by the test"
        }
    }
}
