internal import Glibc

/// The program that this process runs.
public enum ProcessImage {
    /// Starts the program anew in this very process, which keeps its number, its terminal and its place under whoever watches over
    /// it: a service manager, a container runtime, a shell. Threads end where they are, and every descriptor but the three of input
    /// and output is closed.
    ///
    /// - Parameter arguments: with the program's name in front.
    /// - Returns: Only on failure.
    public static func restart(_ arguments: [String]) -> SystemError {
        // It would inherit that threads here block some signals, and that some are ignored.
        var signals = sigset_t()
        sigemptyset(&signals)
        pthread_sigmask(SIG_SETMASK, &signals, nil)
        for number in IgnoredSignals.ignored.withLock({ $0 }) { signal(number, SIG_DFL) }
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        for descriptor in 3..<max(3, Int32(clamping: limit.rlim_cur)) { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        var words = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        execv("/proc/self/exe", &words)
        return SystemError("start the program anew", "/proc/self/exe", code: errno)
    }
}
