internal import Glibc

/// Signals that are to have no effect on this process at all.
public enum IgnoredSignals {
    /// A write to a socket whose peer is gone must be an error of that call, not the end of the process. Sends ask for that
    /// themselves, but splice has no way to.
    public static func ignoreBrokenPipes() {
        ignore([SIGPIPE])
    }

    /// Has the process go on when one of these comes, unless it is watched for. Programs that it starts with
    /// ``SpawnAttributes`` are not concerned.
    public static func ignore(_ signals: [Int32]) {
        for number in signals {
            var present = sigaction()
            // What was ignored from the start is so for the programs that this one starts, too: nohup means them as well.
            guard sigaction(number, nil, &present) == 0, present.__sigaction_handler.sa_handler == nil else { continue }
            signal(number, SIG_IGN)
            ignored.withLock { _ = $0.insert(number) }
        }
    }

    /// Whether this process has begun to ignore a signal, and not who started it.
    public static func contains(_ number: Int32) -> Bool { ignored.withLock { $0.contains(number) } }

    /// What this process ignores, and others need not.
    static let ignored = Guarded<Set<Int32>>([])
}
