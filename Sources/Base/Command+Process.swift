internal import CLinux
internal import Glibc

extension Command {
    /// A child of this process until it has been waited for.
    final class Process {
        private let pid: pid_t
        /// Readable once it has ended; less than 0 on a kernel that has none, or without a descriptor left.
        let descriptor: Int32
        private var status: Int32?

        init(_ pid: pid_t) {
            self.pid = pid
            descriptor = portico_process_descriptor(pid)
        }

        deinit { if descriptor >= 0 { close(descriptor) } }

        /// Does not wait.
        var hasEnded: Bool {
            var code: Int32 = 0
            if status == nil, waitpid(pid, &code, WNOHANG) == pid { status = code }
            return status != nil
        }

        /// - Returns: as `waitpid` tells it.
        func finish(kills: Bool) -> Int32 {
            if let status { return status }
            if kills { kill(pid, SIGKILL) }
            var code: Int32 = 0
            while waitpid(pid, &code, 0) < 0, errno == EINTR {}
            status = code
            return code
        }
    }
}
