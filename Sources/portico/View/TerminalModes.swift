import Base
import Glibc

/// The modes of a terminal while a view stands on it: keys leave no trace there. They are undone by ``leave()``, and if
/// the process crashes in between: a shell without cursor and echo looks as if it hung.
final class TerminalModes: Sendable {
    static let enterSequence = "\u{1B}[?25l"
    /// Lines wrap, the cursor is seen, and no colour is left over.
    static let leaveSequence = "\u{1B}[?7h\u{1B}[?25h\u{1B}[0m"

    /// Another screen, which leaves the former one as it was.
    static let otherScreenSequence = "\u{1B}[?1049h\u{1B}[?7l" + enterSequence
    static let formerScreenSequence = leaveSequence + "\u{1B}[?1049l"

    private let descriptor: Int32
    /// Keys come one by one, without a line's end, and another screen is in use.
    private let takesKeys: Bool
    /// As they were at first.
    private let original = Guarded<termios?>(nil)

    init(descriptor: Int32, takesKeys: Bool = false) {
        self.descriptor = descriptor
        self.takesKeys = takesKeys
    }

    /// Whether this process belongs to what its terminal, and no other, runs in the foreground.
    var isInForeground: Bool { tcgetpgrp(descriptor) == getpgrp() }

    func enter() {
        original.withLock { original in
            var modes = termios()
            guard isInForeground, tcgetattr(descriptor, &modes) == 0 else { return }
            let before = original ?? modes
            original = before
            CrashGuard.protect(
                descriptor, before, leaving: takesKeys ? Self.formerScreenSequence : Self.leaveSequence)
            // Signals stay: Ctrl-C is one.
            modes.c_lflag &= ~tcflag_t(takesKeys ? ECHO | ICANON : ECHO)
            tcsetattr(descriptor, TCSANOW, &modes)
        }
    }

    func leave() {
        original.withLock { original in
            CrashGuard.rest()
            guard var modes = original, isInForeground else { return }
            tcsetattr(descriptor, TCSANOW, &modes)
        }
    }
}

/// Puts the terminal in order when the process crashes, or a person has it end so by Ctrl-\\, and lets it.
private enum CrashGuard {
    private static let signals = [SIGQUIT, SIGILL, SIGTRAP, SIGABRT, SIGBUS, SIGFPE, SIGSEGV]

    static func protect(_ descriptor: Int32, _ modes: termios, leaving sequence: String) {
        crashModes = modes
        install(sequence)
        crashTerminal = descriptor
    }

    static func rest() { crashTerminal = -1 }

    /// Once; what the handler needs is never given back, since a crash may come at any time.
    private static func install(_ sequence: String) {
        guard crashBytes.count == 0 else { return }
        let text = Array(("\r\n" + sequence).utf8)
        let bytes = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: text.count)
        _ = bytes.initialize(from: text)
        let actions = UnsafeMutableBufferPointer<sigaction>.allocate(capacity: 65)
        actions.initialize(repeating: sigaction())
        (crashBytes, crashActions) = (bytes, actions)
        for signal in signals {
            var action = sigaction()
            action.__sigaction_handler.sa_handler = { number in
                if crashTerminal >= 0 {
                    _ = write(crashTerminal, crashBytes.baseAddress, crashBytes.count)
                    tcsetattr(crashTerminal, TCSANOW, &crashModes)
                }
                // Whoever had the signal before gets it when this returns.
                sigaction(number, &crashActions[Int(number)], nil)
                raise(number)
            }
            sigaction(signal, &action, &actions[Int(signal)])
        }
    }
}

// What the handler needs: the terminal, -1 for none, its modes as they were, what to write to it, and the handlers of
// before. Globals, since a handler may touch neither locks nor objects; constant at first, so that none of them has to
// be made when it is touched. Written under the lock of ``TerminalModes``, the terminal last.
nonisolated(unsafe) private var crashTerminal: Int32 = -1
nonisolated(unsafe) private var crashModes = termios()
nonisolated(unsafe) private var crashBytes = UnsafeMutableBufferPointer<UInt8>(start: nil, count: 0)
nonisolated(unsafe) private var crashActions = UnsafeMutableBufferPointer<sigaction>(start: nil, count: 0)
