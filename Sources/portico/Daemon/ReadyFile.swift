import Base
import Glibc

/// A file that is there while this process serves: of two processes that have the same ports for a while, whoever supervises
/// one of them can tell whether it is that one which answers. Any thread.
///
/// Whoever has made it holds a lock on it, so that what a process that was killed has left is told from the file of one that
/// lives.
final class ReadyFile: Sendable {
    private let path: String
    private let own = Guarded<Int32>(-1)

    init(_ path: String) { self.path = path }

    deinit { vanish() }

    /// Takes away what a process that was killed has left.
    ///
    /// - Throws: ``CommandFailure`` if something else is there, or there can be no file.
    func prepare() throws(CommandFailure) {
        let folder = path.lastIndex(of: "/").map { $0 == path.startIndex ? "/" : String(path[..<$0]) } ?? "."
        // That it can be made is found out now, and not when others wait for it.
        guard access(folder, W_OK | X_OK) == 0 else {
            throw CommandFailure("--ready-file: there can be no \(path): \(SystemError.reason(errno).lowercased())")
        }
        let file = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC)
        guard file >= 0 else {
            if errno == ENOENT { return }
            throw CommandFailure("--ready-file: something else is at \(path): name another")
        }
        defer { close(file) }
        var status = stat()
        guard fstat(file, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_size == 0 else {
            throw CommandFailure("--ready-file: \(path) is there, and is none of this program: name another")
        }
        if flock(file, LOCK_EX | LOCK_NB) == 0 { unlink(path) }
    }

    func appear() throws(SystemError) {
        let new = "\(path).\(getpid())"
        unlink(new)
        let file = open(new, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw SystemError("make the file", path, code: errno) }
        // Locked before others can see it; in the place of the one of a process that this one has replaced.
        guard flock(file, LOCK_EX | LOCK_NB) == 0, rename(new, path) == 0 else {
            let code = errno
            unlink(new)
            close(file)
            throw SystemError("make the file", path, code: code)
        }
        own.withLock { $0 = file }
    }

    /// Takes it away, unless another process has put its own there.
    func vanish() {
        own.withLock { own in
            guard own >= 0 else { return }
            if Self.isAt(path, own) {
                // The process after this one may put its own there at this very moment; what is moved away can be looked at,
                // and put back.
                let away = "\(path).\(getpid()).old"
                if rename(path, away) == 0 {
                    if !Self.isAt(away, own) { link(away, path) }
                    unlink(away)
                }
            }
            close(own)
            own = -1
        }
    }

    private static func isAt(_ path: String, _ file: Int32) -> Bool {
        var (wanted, present) = (stat(), stat())
        return fstat(file, &wanted) == 0 && lstat(path, &present) == 0 && wanted.st_ino == present.st_ino
            && wanted.st_dev == present.st_dev
    }
}
