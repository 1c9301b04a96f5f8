internal import Glibc

/// Signals that have no effect on this process.
public enum IgnoredSignals {
    /// A write to a socket whose peer is gone must be an error of that call, not the end of the process. Sends ask for
    /// that themselves, but splice has no way to.
    public static func ignoreBrokenPipes() {
        ignore([SIGPIPE])
    }

    /// From now on these signals do nothing, unless a watcher takes them. Programs that are started with
    /// ``SpawnAttributes`` do not inherit that.
    public static func ignore(_ signals: [Int32]) {
        for number in signals {
            var present = sigaction()
            // A signal that was ignored from the start, as by nohup, stays ignored also for programs that this one
            // starts.
            guard sigaction(number, nil, &present) == 0, present.__sigaction_handler.sa_handler == nil else { continue }
            signal(number, SIG_IGN)
            ignored.withLock { _ = $0.insert(number) }
        }
    }

    /// Has the kernel keep how the programs end that this process starts: a careless parent may have left it ignoring
    /// SIGCHLD, and then they end without a status.
    public static func heedChildren() {
        var present = sigaction()
        guard sigaction(SIGCHLD, nil, &present) == 0, present.__sigaction_handler.sa_handler != nil else { return }
        signal(SIGCHLD, SIG_DFL)
    }

    /// Whether this process ignores a signal by ``ignore(_:)``, and not because it was started so.
    public static func contains(_ number: Int32) -> Bool { ignored.withLock { $0.contains(number) } }

    /// What ``ignore(_:)`` has switched off.
    static let ignored = Guarded<Set<Int32>>([])
}
