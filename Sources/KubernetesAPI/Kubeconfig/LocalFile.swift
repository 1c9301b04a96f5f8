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

    /// Writes a file, all of it or, if it is one that was not there, none. Blocks for a moment.
    ///
    /// - Parameters:
    ///   - mode: who may do what with it, if it is made here.
    ///   - isNew: what is there is an error, and not replaced.
    ///   - prepare: gets the descriptor before anything is written.
    package static func write(
        _ text: String, to path: String, mode: UInt32 = 0o666, isNew: Bool = false,
        prepare: (Int32) throws(SystemError) -> Void = { _ in }
    ) throws(SystemError) {
        let flags = O_WRONLY | O_CREAT | O_CLOEXEC | (isNew ? O_EXCL : O_TRUNC)
        let descriptor = open(path, flags, mode)
        guard descriptor >= 0 else { throw SystemError("write", path, code: errno) }
        var failure: SystemError?
        do throws(SystemError) {
            try prepare(descriptor)
            try write(text, to: descriptor, path)
        } catch {
            failure = error
        }
        if close(descriptor) != 0, failure == nil { failure = SystemError("write", path, code: errno) }
        guard let failure else { return }
        if isNew { unlink(path) }
        throw failure
    }

    private static func write(_ text: String, to descriptor: Int32, _ path: String) throws(SystemError) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0, errno == EINTR { continue }
            guard written > 0 else { throw SystemError("write", path, code: errno) }
            rest = rest.dropFirst(written)
        }
    }
}
