internal import Base
internal import EventLoop
private import Glibc

/// What tells one state of a file from another without reading it.
///
/// The inode sees a file replaced by renaming, as editors and `kubectl` do it, and a symbolic link turned elsewhere, as
/// ConfigMap volumes do it; size and times see one written in place. The change time sees what a tool that restores the
/// modification time would hide, and a permission that was mended.
struct FileFingerprint: Hashable, Sendable {
    var device: UInt64
    var inode: UInt64
    var size: Int64
    /// Nanoseconds since 1970.
    var modified: Int64
    var changed: Int64

    /// Whether it was written so recently that another write might leave the same fingerprint: file times advance in
    /// steps of some milliseconds only.
    func isFresh(at now: Int64) -> Bool { abs(now - changed) < 100_000_000 }
}

/// What tells a folder from another in its place.
struct FolderIdentity: Hashable, Sendable {
    var device: UInt64
    var inode: UInt64
}

enum FileKind: Hashable, Sendable {
    case file(FileFingerprint)
    case folder(FolderIdentity)
    /// A pipe or a device, such as a shell's `<(…)`: can be read once and not watched.
    case stream
}

/// A call of the file system that failed, by its error number.
struct FileError: Error, Hashable, CustomStringConvertible {
    let number: Int32

    /// A pipe, socket or device where a file was expected.
    static let notAFile = FileError(number: -1)
    /// What a pipe or device gives has no end in sight.
    static let endless = FileError(number: -2)

    var isMissing: Bool { number == ENOENT || number == ENOTDIR }

    /// `No such file or directory` and the like.
    var description: String {
        switch self {
        case .notAFile: "it is a pipe, socket or device, and not a file"
        case .endless: "it gives more than \(FileSystem.mostOfAStream >> 20) MiB"
        default: SystemError.reason(number)
        }
    }
}

/// The few calls that reading manifests takes, on plain paths, following symbolic links.
enum FileSystem {
    static func kind(of path: String) -> Result<FileKind, FileError> {
        var status = stat()
        guard stat(path, &status) == 0 else { return .failure(FileError(number: errno)) }
        return .success(kind(status))
    }

    /// Whether there is anything of this name, be it a link that leads nowhere.
    static func exists(_ path: String) -> Bool {
        var status = stat()
        return lstat(path, &status) == 0
    }

    private static func kind(_ status: stat) -> FileKind {
        switch status.st_mode & S_IFMT {
        case S_IFDIR: .folder(FolderIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino)))
        case S_IFREG: .file(fingerprint(status))
        default: .stream
        }
    }

    private static func fingerprint(_ status: stat) -> FileFingerprint {
        func nanoseconds(_ time: timespec) -> Int64 { Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec) }
        return FileFingerprint(
            device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: Int64(status.st_size),
            modified: nanoseconds(status.st_mtim), changed: nanoseconds(status.st_ctim))
    }

    /// The names in a folder, sorted, without hidden ones: those are other people's, such as the `..data` of a ConfigMap
    /// volume or an editor's lock.
    static func names(in folder: String) -> Result<[String], FileError> {
        guard let stream = opendir(folder) else { return .failure(FileError(number: errno)) }
        defer { closedir(stream) }
        var names: [String] = []
        while let entry = readdir(stream) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if !name.hasPrefix(".") { names.append(name) }
        }
        return .success(names.sorted())
    }

    /// What reading a file gave, and the state it was in. Nil as state means that it changed meanwhile.
    struct Reading {
        var bytes: [UInt8]
        var fingerprint: FileFingerprint?
    }

    /// Bytes that a pipe or device may give; far beyond what any cluster has.
    static let mostOfAStream = 256 << 20

    /// - Parameters:
    ///   - path: Nil reads standard input.
    ///   - isStream: pipes and devices are read to their end, which they are waited for; else they are refused.
    static func read(_ path: String?, isStream: Bool) -> Result<Reading, FileError> {
        // Opening a pipe waits for its writer, but for this.
        let waiting = isStream ? 0 : O_NONBLOCK
        let descriptor = path.map { open($0, O_RDONLY | O_CLOEXEC | waiting) } ?? STDIN_FILENO
        guard descriptor >= 0 else { return .failure(FileError(number: errno)) }
        defer { if path != nil { close(descriptor) } }
        var before = stat()
        guard fstat(descriptor, &before) == 0 else { return .failure(FileError(number: errno)) }
        if !isStream, case .stream = kind(before) { return .failure(.notAFile) }
        var bytes: [UInt8] = []
        while true {
            guard !isStream || bytes.count <= mostOfAStream else { return .failure(.endless) }
            // What the size says in one piece; pipes have none and come in small ones.
            let want = max(Int(before.st_size) - bytes.count, 1 << 16)
            var failure: Int32 = 0
            let block = [UInt8](unsafeUninitializedCapacity: want) { buffer, count in
                let result = Glibc.read(descriptor, buffer.baseAddress, want)
                failure = result < 0 ? errno : 0
                count = max(result, 0)
            }
            if failure == EINTR { continue }
            guard failure == 0 else { return .failure(FileError(number: failure)) }
            guard !block.isEmpty else { break }
            if bytes.isEmpty { bytes = block } else { bytes += block }
        }
        var after = stat()
        guard fstat(descriptor, &after) == 0 else { return .failure(FileError(number: errno)) }
        let state = fingerprint(before)
        return .success(Reading(bytes: bytes, fingerprint: state == fingerprint(after) ? state : nil))
    }

    /// Nanoseconds since 1970 by the clock of file times.
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}
