internal import Glibc

/// The process's limit on open descriptors.
public enum ResourceLimits {
    /// What the hard limit is raised to, where it is lower and that is permitted: as many as kube-proxy had.
    static let wantedHardLimit: rlim_t = 64_000

    /// Raises the soft limit to the hard one, which needs no permission, and the hard one to 64,000 first, if it is
    /// lower and the process may (CAP_SYS_RESOURCE). Never lowers anything, never fails.
    ///
    /// - Returns: the soft limit that is in force.
    @discardableResult
    public static func raiseDescriptorLimit() -> Int {
        guard let present = present() else { return 1024 }
        var wanted = present
        wanted.rlim_max = max(present.rlim_max, wantedHardLimit)
        wanted.rlim_cur = wanted.rlim_max
        if wanted.rlim_max == present.rlim_max || !set(wanted) {
            wanted.rlim_max = present.rlim_max
            wanted.rlim_cur = present.rlim_max
            if wanted.rlim_cur > present.rlim_cur { _ = set(wanted) }
        }
        return descriptorLimit
    }

    /// How many descriptors the process may have open now.
    public static var descriptorLimit: Int { Int(clamping: present()?.rlim_cur ?? 1024) }

    private static func present() -> rlimit? {
        var limit = rlimit()
        return getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 ? limit : nil
    }

    private static func set(_ limit: rlimit) -> Bool {
        var limit = limit
        return setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0
    }
}
