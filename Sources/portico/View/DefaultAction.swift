import Glibc

/// What a signal does to a process that does not hear it.
enum DefaultAction {
    /// Has the kernel do that in place of the handler, which gets the signal back afterwards. A process that it stops
    /// is stopped when this is called, and goes on when this returns.
    static func take(_ signal: Int32) {
        var (standard, handler) = (sigaction(), sigaction())
        standard.__sigaction_handler.sa_handler = SIG_DFL
        guard sigaction(signal, &standard, &handler) == 0 else { return }
        defer { sigaction(signal, &handler, nil) }
        // For this thread, which must not have it blocked: so it is over when the call is.
        var (one, before) = (sigset_t(), sigset_t())
        sigemptyset(&one)
        sigaddset(&one, signal)
        pthread_sigmask(SIG_UNBLOCK, &one, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        pthread_kill(pthread_self(), signal)
    }
}
