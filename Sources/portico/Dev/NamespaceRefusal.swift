import Base
import Glibc
import Host

/// Why the program behind `--` cannot be given an `/etc/hosts` of its own, and what would let it.
struct NamespaceRefusal: Error, CustomStringConvertible {
    let description: String

    /// - Parameters:
    ///   - error: what was tried, and the errno.
    ///   - isRoot: root makes mount namespaces without a user namespace.
    ///   - setting: of the kernel, by its path.
    init(
        _ error: SystemError, isRoot: Bool = geteuid() == 0,
        setting: (String) -> String? = { try? KernelFile.read($0).get() }
    ) {
        func isOff(_ name: String, when value: String) -> Bool {
            setting("/proc/sys/" + name.split(separator: ".").joined(separator: "/")) == value
        }
        func remedy(_ name: String, _ value: String) -> String { "'sudo sysctl \(name)=\(value)' allows it" }
        let restriction = "kernel.apparmor_restrict_unprivileged_userns"
        description =
            switch error.code {
            case EPERM, EACCES:
                if isRoot {
                    "mounts of its own take the capability SYS_ADMIN, which root does not have here, as in most containers"
                } else if isOff("kernel.unprivileged_userns_clone", when: "0") {
                    "user namespaces are for root alone here; \(remedy("kernel.unprivileged_userns_clone", "1"))"
                } else if isOff(restriction, when: "1") {
                    "AppArmor keeps ordinary users from user namespaces; \(remedy(restriction, "0"))"
                } else {
                    "user namespaces are not allowed here, as in most containers"
                }
            case ENOSPC where isOff("user.max_user_namespaces", when: "0"):
                "user namespaces are switched off here; \(remedy("user.max_user_namespaces", "10000"))"
            default: "cannot \(error)"
            }
    }
}
