import Base
import EventLoop
import Glibc

/// A file that others read at any time: it is replaced as a whole, and only when its text changes.
final class PublishedFile {
    /// That names it, for messages.
    private let option: String
    private let path: String
    private var written: String?

    /// - Throws: ``CommandFailure`` if something other than a file is there. To rename over a device would put a file in its
    ///   place.
    init(_ option: String, _ path: String) throws {
        self.option = option
        var status = stat()
        if stat(path, &status) == 0, status.st_mode & S_IFMT != S_IFREG {
            throw CommandFailure("\(option) \(path): it exists and is not a file")
        }
        // What a symbolic link points to is to be replaced, not the link.
        let target = realpath(path, nil)
        defer { free(target) }
        self.path = target.map { String(cString: $0) } ?? path
    }

    func write(_ text: String) throws {
        guard text != written else { return }
        // In the same folder, since renaming does not reach from one file system into another.
        let draft = "\(path).\(getpid())"
        unlink(draft)
        let descriptor = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw failure(errno) }
        var problem = Self.write(text, to: descriptor)
        if close(descriptor) != 0, problem == 0 { problem = errno }
        if problem == 0, rename(draft, path) != 0 { problem = errno }
        guard problem == 0 else {
            unlink(draft)
            throw failure(problem)
        }
        written = text
    }

    /// Returns 0 or an errno.
    static func write(_ text: String, to descriptor: Int32) -> Int32 {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0, errno == EINTR { continue }
            guard count > 0 else { return errno }
            rest = rest.dropFirst(count)
        }
        return 0
    }

    private func failure(_ code: Int32) -> CommandFailure {
        CommandFailure("\(option) \(path): cannot be written: \(SystemError.reason(code))")
    }
}
