package import Base
internal import Glibc

/// Small files that others write: kubeconfigs, tokens, certificates.
package enum LocalFile {
    /// Far beyond what any of them has; a mistaken path may lead to a disk image.
    static let mostBytes = 4 << 20

    /// What is another when a file is: also when the file under a name is, as with the links that a kubelet moves.
    struct Fingerprint: Hashable {
        private var device: UInt
        private var inode: UInt
        private var size: Int
        private var seconds: [Int]
        private var nanoseconds: [Int]

        fileprivate init(_ status: stat) {
            (device, inode, size) = (UInt(status.st_dev), UInt(status.st_ino), Int(status.st_size))
            seconds = [status.st_mtim.tv_sec, status.st_ctim.tv_sec]
            nanoseconds = [status.st_mtim.tv_nsec, status.st_ctim.tv_nsec]
        }
    }

    /// Blocks for a moment; nil if there is no such file.
    static func fingerprint(_ path: String) -> Fingerprint? {
        var status = stat()
        return stat(path, &status) == 0 ? Fingerprint(status) : nil
    }

    /// Blocks for a moment.
    ///
    /// - Parameter isStream: a pipe is waited for and read to its end; else it is as good as empty.
    package static func read(_ path: String, isStream: Bool = false) throws(SystemError) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC | (isStream ? 0 : O_NONBLOCK))
        guard descriptor >= 0 else { throw SystemError("read", path, code: errno) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16 << 10)
        while true {
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw SystemError("read", path, code: errno) }
            guard count > 0 else { return bytes }
            bytes += buffer[..<count]
            guard bytes.count <= mostBytes else { throw SystemError("read", path, code: EFBIG) }
        }
    }
}
