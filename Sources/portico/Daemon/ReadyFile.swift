import Base
import Glibc

/// A file that is there while this process serves: of two processes that have the same ports for a while, whoever supervises
/// one of them can tell whether it is that one which answers.
struct ReadyFile: Sendable {
    let path: String

    /// Takes away what a process that was killed has left.
    ///
    /// - Throws: ``CommandFailure`` if something else is there, or there can be no file.
    func prepare() throws(CommandFailure) {
        var status = stat()
        if lstat(path, &status) == 0 {
            guard status.st_mode & S_IFMT == S_IFREG else { throw CommandFailure("--ready-file: \(path) is no file") }
        }
        // That it can be made is found out now, and not when others wait for it.
        do throws(SystemError) {
            try appear()
        } catch {
            throw CommandFailure("--ready-file: \(error)")
        }
        vanish()
    }

    func appear() throws(SystemError) {
        let file = open(path, O_WRONLY | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0o644)
        guard file >= 0 else { throw SystemError("make the file", path, code: errno) }
        close(file)
    }

    func vanish() { unlink(path) }
}
