internal import Glibc

/// The processors of the machine, not those that this process may use: the kernel's tables serve all of them, however
/// small the share of a container is (kubernetes/kubernetes#99225).
public enum CPUTopology {
    /// Those that are online, as sysfs lists them; without sysfs what the C library says. At least 1.
    ///
    /// - Parameter root: the folder that `sys` is in.
    public static func count(root: String = "/") -> Int {
        let path = (root.hasSuffix("/") ? root : root + "/") + "sys/devices/system/cpu/online"
        if case .success(let list) = KernelFile.read(path), let count = count(of: list), count > 0 { return count }
        return max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
    }

    /// Of a list such as `0-3,8`; nil if it is none.
    static func count(of list: String) -> Int? {
        var count = 0
        for range in list.split(separator: ",") {
            let ends = range.split(separator: "-").map { Int($0) }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, first <= last
            else { return nil }
            count += last - first + 1
        }
        return count
    }
}
