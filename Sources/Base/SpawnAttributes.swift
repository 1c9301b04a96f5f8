public import Glibc

/// How this process starts programs.
public enum SpawnAttributes {
    /// Calls `body` with attributes for `posix_spawn` that give a program its signals back, since it would inherit that
    /// threads here block some, and that ``IgnoredSignals/ignore(_:)`` ignores some. Handlers do not survive exec
    /// anyway.
    ///
    /// - Parameter body: must not keep the attributes.
    public static func withDefaultSignals<Result>(_ body: (UnsafePointer<posix_spawnattr_t>) -> Result) -> Result {
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var signals = sigset_t()
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)
        sigaddset(&signals, SIGPIPE)
        for signal in IgnoredSignals.ignored.withLock({ $0 }) { sigaddset(&signals, signal) }
        posix_spawnattr_setsigdefault(&attributes, &signals)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        return body(&attributes)
    }
}
