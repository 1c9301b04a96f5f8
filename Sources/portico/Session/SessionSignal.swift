import Base
import EventLoop
import Glibc

/// What a signal asks a session for.
enum SessionSignal: Equatable {
    case end(Int32)
    case reload

    /// SIGHUP is left alone where nohup has it ignored.
    static var watched: [Int32] { [SIGINT, SIGTERM] + (IgnoredSignals.contains(SIGHUP) ? [SIGHUP] : []) }

    /// SIGHUP by hand asks to read everything again. By the kernel it says that the terminal is gone, and a session
    /// that nobody can see or end with Ctrl-C any more would keep its ports for ever.
    init(_ number: Int32) {
        self = number == SIGHUP && (!Self.hadTerminal || Self.hasTerminal) ? .reload : .end(number)
    }

    /// At the start.
    private static let hadTerminal = hasTerminal

    private static var hasTerminal: Bool {
        let terminal = open("/dev/tty", O_RDONLY | O_NOCTTY | O_CLOEXEC)
        if terminal >= 0 { close(terminal) }
        return terminal >= 0
    }

    /// Remembers whether there is a terminal that can go.
    static func begin() { _ = hadTerminal }
}
