import Base
import Glibc

/// A file that others read at any time: it is replaced as a whole, and only when its text changes.
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
        var target = realpath(path, nil)
        if target == nil, isLink {
            let made = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o666)
            guard made >= 0 else { throw Self.failure(option, path, errno) }
            close(made)
            target = realpath(path, nil)
        }
        defer { free(target) }
        self.path = target.map { String(cString: $0) } ?? path
    }

    func write(_ text: String) throws {
        guard text != written else { return }
        // In the same folder, since renaming does not reach from one file system into another.
        let draft = "\(path).\(getpid())"
        unlink(draft)
        var former = stat()
        let isNew = stat(path, &former) != 0
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, isNew ? 0o666 : 0o600)
        guard descriptor >= 0 else { throw Self.failure(option, path, errno) }
        if !isNew {
            // Whoever could not read it before, cannot now; who could, can, also where this is root and they are not.
            _ = fchown(descriptor, former.st_uid, former.st_gid)
            _ = fchmod(descriptor, former.st_mode & 0o777)
        }
        var problem = StandardStream.write(text, to: descriptor)
        if close(descriptor) != 0, problem == nil { problem = errno }
        if problem == nil, rename(draft, path) != 0 { problem = errno }
        if let problem {
            unlink(draft)
            throw Self.failure(option, path, problem)
        }
        written = text
    }

    private static func failure(_ option: String, _ path: String, _ code: Int32) -> CommandFailure {
        CommandFailure("\(option) \(path): cannot be written: \(SystemError.reason(code))")
    }
}
