internal import Glibc

extension Command {
    /// Kills a program that runs on another thread, at once or as soon as it is started. For one run.
    public final class Stop: Sendable {
        /// Readable from then on; less than 0 if the process has no descriptors left, and then the time limit has to
        /// do.
        let descriptor: Int32
        private let other: Int32

        public init() {
            var ends: [Int32] = [-1, -1]
            _ = socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0, &ends)
            (descriptor, other) = (ends[0], ends[1])
        }

        deinit {
            if descriptor >= 0 {
                close(descriptor)
                close(other)
            }
        }

        /// Any thread; again is harmless.
        public func now() { shutdown(other, Int32(SHUT_WR)) }
    }
}
