internal import Glibc

/// Signals that come before a program is ready to deal with them.
///
/// The first process of a container, or of a PID namespace, dies of none that it has no handler for: one that comes
/// while a command line is parsed and a configuration read would be lost, and its sender would wait, to kill it in the
/// end.
public enum EarlySignals {
    /// How a process ends by them.
    public enum End {
        /// It was to end, and ends well.
        case success
        /// With 128 and the signal's number, as a shell would say it.
        case signalNumber
    }

    /// From now on SIGQUIT ends this process at once, as it does any other: the Swift runtime has it stop all threads
    /// for up to a minute, and print where each of them is, while clients wait.
    public static func quitAtOnce() {
        var present = sigaction()
        guard sigaction(SIGQUIT, nil, &present) == 0, !present.isIgnoring else { return }
        signal(SIGQUIT, SIG_DFL)
    }

    /// From now on SIGINT and SIGTERM end this process at once, until somebody else takes them. Those that it was
    /// started to ignore stay ignored.
    public static func take(_ end: End) {
        for number in [SIGINT, SIGTERM] {
            var present = sigaction()
            guard sigaction(number, nil, &present) == 0, present.__sigaction_handler.sa_handler == nil else { continue }
            // Nothing but _exit: the signal may come in the middle of anything.
            switch end {
            case .success: signal(number) { _ in _exit(EXIT_SUCCESS) }
            case .signalNumber: signal(number) { _exit(128 + $0) }
            }
        }
    }
}

extension sigaction {
    /// By their addresses, since functions cannot be compared.
    fileprivate var isIgnoring: Bool {
        unsafeBitCast(__sigaction_handler.sa_handler, to: Int.self) == unsafeBitCast(SIG_IGN, to: Int.self)
    }
}
