internal import Base
internal import EventLoop
internal import Glibc

/// A Unix socket that listens, and the file by which it is found.
final class SocketFile: Sendable {
    let path: String
    let listener: Descriptor
    private let identity: Identity

    /// What tells one file from another that has taken its place.
    private struct Identity: Equatable {
        let device: dev_t
        let inode: ino_t
        /// An inode's number is used again, but not at the same time.
        let seconds: Int
        let nanoseconds: Int

        init?(_ path: String) {
            var status = stat()
            guard lstat(path, &status) == 0 else { return nil }
            (device, inode) = (status.st_dev, status.st_ino)
            (seconds, nanoseconds) = (status.st_ctim.tv_sec, status.st_ctim.tv_nsec)
        }
    }

    /// Listens at `path`. A socket file that nobody answers on is left over from a process that was killed, and is
    /// replaced.
    init(listeningAt path: String) throws(HandoverError) {
        // Of several that find a file left over, one replaces it: another might find what that one has put there.
        let lock = Self.lockFolder(of: path)
        defer { _ = lock.isOpen }
        try Self.makeRoom(at: path)
        do throws(SystemError) {
            listener = try MessageSocket.listen(at: path)
        } catch {
            throw error.isAddressInUse ? .taken(path: path) : .system(error)
        }
        guard let identity = Identity(path) else {
            throw .system(SystemError("look at", path, code: ENOENT))
        }
        self.path = path
        self.identity = identity
    }

    /// A lock on the folder that holds for as long as what it returns is open; none if others have locked it for long,
    /// or if it cannot be read.
    private static func lockFolder(of path: String) -> Descriptor {
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? "."
        let lock = Descriptor(owning: open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
        var attempts = 100
        while lock.isOpen, attempts > 0, flock(lock.raw, LOCK_EX | LOCK_NB) != 0 {
            attempts -= 1
            usleep(10_000)
        }
        return lock
    }

    private static func makeRoom(at path: String) throws(HandoverError) {
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notASocket(path: path) }
        do throws(SystemError) {
            _ = try MessageSocket.connect(to: path, limit: 1000)
        } catch {
            guard error.isNobodyThere else {
                // EPROTOTYPE: somebody listens, for another kind of conversation.
                throw [EPROTOTYPE, ETIMEDOUT].contains(error.code) ? .taken(path: path) : .system(error)
            }
            // Not that it is in use is what would be wrong, if it stays.
            guard unlink(path) == 0 || errno == ENOENT else {
                throw .system(SystemError("remove the socket that nobody answers at", path, code: errno))
            }
            return
        }
        throw .taken(path: path)
    }

    /// Stops listening, and removes the file if it is still this one's. Whoever waits for a connection finds the end.
    func retire() {
        if Identity(path) == identity { unlink(path) }
        MessageSocket.stopAccepting(on: listener)
    }
}
