internal import CLinux
internal import Glibc

/// The files and sockets that this process has open.
enum Descriptors {
    /// Has all from `first` on closed when this process starts another program. Not one by one up to the limit: that
    /// may be a thousand million.
    static func closeAtExec(from first: Int32) {
        guard portico_close_on_exec_from(first) < 0, let folder = opendir("/proc/self/fd") else { return }
        defer { closedir(folder) }
        while let entry = readdir(folder) {
            let name = withUnsafeBytes(of: entry.pointee.d_name) {
                String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self)
            }
            if let descriptor = Int32(name), descriptor >= first { _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC) }
        }
    }
}
