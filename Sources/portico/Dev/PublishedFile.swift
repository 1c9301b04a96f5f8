import Base
import Glibc
import KubernetesAPI

/// A file that others read at any time: it is replaced as a whole, and only when its text changes. Where another would
/// not be as the one that is there, such as somebody else's, that one is written to.
final class PublishedFile {
    /// That names it, for messages.
    private let option: String
    private let path: String
    private var written: String?

    /// - Throws: ``CommandFailure`` if something other than a file is there. To rename over a device would put a file
    ///   in its place.
    init(_ option: String, _ path: String) throws {
        self.option = option
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            throw CommandFailure("\(option) \(path): it exists and is not a file")
        }
        // What a symbolic link points to is to be replaced, not the link. Where that is not there yet, it is made.
        let isLink = lstat(path, &status) == 0 && status.st_mode & S_IFMT == S_IFLNK
        if isLink {
            // The kernel may have reasons not to write through a link that somebody else has made.
            let made = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o666)
            guard made >= 0 else { throw Self.failure(option, path, errno) }
            close(made)
        }
        self.path = realPath(path) ?? path
    }

    func write(_ text: String) throws {
        guard text != written else { return }
        do throws(SystemError) {
            if try !replace(text) { try LocalFile.write(text, to: path) }
        } catch {
            throw Self.failure(option, path, error.code)
        }
        written = text
    }

    /// - Returns: false if it has to be written to as it is: another would have another owner, or something is mounted
    ///   there.
    private func replace(_ text: String) throws(SystemError) -> Bool {
        // In the same folder, since renaming does not reach from one file system into another.
        let draft = "\(path).\(getpid())"
        unlink(draft)
        var former = stat()
        let isNew = stat(path, &former) != 0
        var isAsBefore = true
        try LocalFile.write(text, to: draft, mode: isNew ? 0o666 : 0o600, isNew: true) { descriptor in
            guard !isNew else { return }
            // Whoever could not read it before, cannot now; who could, can, also where this is root and they are not.
            isAsBefore = fchown(descriptor, former.st_uid, former.st_gid) == 0
            isAsBefore = fchmod(descriptor, former.st_mode & 0o777) == 0 && isAsBefore
        }
        if isAsBefore, rename(draft, path) == 0 { return true }
        let code = errno
        unlink(draft)
        guard !isAsBefore || code == EBUSY else { throw SystemError("write", path, code: code) }
        return false
    }

    private static func failure(_ option: String, _ path: String, _ code: Int32) -> CommandFailure {
        CommandFailure("\(option) \(path): cannot be written: \(SystemError.reason(code))")
    }
}
