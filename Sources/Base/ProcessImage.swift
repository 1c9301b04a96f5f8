internal import Glibc

/// The program that this process runs.
public enum ProcessImage {
    /// Starts the program anew in this very process, which keeps its number, its terminal and its place under whoever
    /// watches over it: a service manager, a container runtime, a shell. Threads end where they are, and every
    /// descriptor but the three of input and output is closed.
    ///
    /// - Parameter arguments: with the program's name in front.
    /// - Returns: Only on failure, and then this process goes on as it was.
    public static func restart(_ arguments: [String]) -> SystemError {
        Descriptors.closeAtExec(from: 3)
        // It would inherit that threads here block some signals, and that some are ignored.
        var (signals, before) = (sigset_t(), sigset_t())
        sigemptyset(&signals)
        pthread_sigmask(SIG_SETMASK, &signals, &before)
        let ignored = IgnoredSignals.ignored.withLock { $0 }
        for number in ignored { signal(number, SIG_DFL) }
        var words = arguments.map { strdup($0) } + [nil]
        defer { for word in words { free(word) } }
        if let path { execv(path, &words) }
        execv(own, &words)
        let code = errno
        for number in ignored { signal(number, SIG_IGN) }
        pthread_sigmask(SIG_SETMASK, &before, nil)
        return SystemError("start the program anew", own, code: code)
    }

    private static let own = "/proc/self/exe"

    /// Where the program is, since lists of processes show the last part of that; nil if another one is there by now.
    public static var path: String? {
        var (there, here) = (stat(), stat())
        guard let path = realPath(own), stat(path, &there) == 0, stat(own, &here) == 0,
            there.st_dev == here.st_dev, there.st_ino == here.st_ino
        else { return nil }
        return path
    }
}
