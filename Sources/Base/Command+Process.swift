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
            if status == nil { status = wait(WNOHANG) }
            return status != nil
        }

        /// - Returns: as `waitpid` tells it.
        func finish(kills: Bool) -> Int32 {
            if status == nil, kills { kill(pid, SIGKILL) }
            while status == nil { status = wait(0) }
            return status ?? Self.lost
        }

        /// - Returns: nil if there is nothing to tell yet.
        private func wait(_ options: Int32) -> Int32? {
            var code: Int32 = 0
            let result = waitpid(pid, &code, options)
            if result == pid { return code }
            // The kernel forgets children where their end is ignored, as a careless parent may have left it to this
            // process.
            return result < 0 && errno == ECHILD ? Self.lost : nil
        }

        /// It has ended, and nobody knows how: told as a failure with the status 255.
        private static let lost: Int32 = 255 << 8
    }
}
