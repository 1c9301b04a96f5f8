internal import EventLoop
internal import Glibc

enum FileKind: Hashable, Sendable {
    case file(FileFingerprint)
    case folder(FolderStamp)
    /// A pipe or a device, such as a shell's `<(…)`: can be read once and not watched.
    case stream
}

/// The few calls that looking at manifests takes. They follow symbolic links, and allocate nothing.
enum FileSystem {
    /// What names are looked up in that have no folder in front.
    static let currentFolder = AT_FDCWD
    static let danglingLink = "is a link that leads nowhere"

    static func kind(of path: String) -> Result<FileKind, FileError> { kind(of: path, in: currentFolder) }

    /// - Parameter folder: a descriptor of the folder that `name` is in.
    static func kind(of name: String, in folder: Int32) -> Result<FileKind, FileError> {
        var status = stat()
        guard fstatat(folder, name, &status, 0) == 0 else { return .failure(FileError(number: errno)) }
        return .success(kind(status))
    }

    /// Whether there is anything of this name, be it a link that leads nowhere, or hidden behind a folder that keeps
    /// others out.
    static func exists(_ name: String, in folder: Int32) -> Bool {
        var status = stat()
        return fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 || !FileError(number: errno).isMissing
    }

    /// For looks at the files in it: names alone are found faster than whole paths.
    static func open(folder: String) -> Descriptor {
        Descriptor(owning: Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC))
    }

    static func kind(_ status: stat) -> FileKind {
        switch status.st_mode & S_IFMT {
        case S_IFDIR:
            .folder(
                FolderStamp(
                    identity: FolderIdentity(device: UInt64(status.st_dev), inode: UInt64(status.st_ino)),
                    modified: nanoseconds(status.st_mtim), changed: nanoseconds(status.st_ctim)))
        case S_IFREG:
            .file(
                FileFingerprint(
                    device: UInt64(status.st_dev), inode: UInt64(status.st_ino), size: Int64(status.st_size),
                    modified: nanoseconds(status.st_mtim), changed: nanoseconds(status.st_ctim)))
        default:
            .stream
        }
    }

    private static func nanoseconds(_ time: timespec) -> Int64 {
        Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }

    /// The names in a folder, sorted, without hidden ones: those are other people's, such as the `..data` of a
    /// ConfigMap volume or an editor's lock.
    static func names(in folder: String) -> Result<[String], FileError> {
        var names: [String] = []
        if let error = forEachName(in: folder, { name, _ in names.append(String(cString: name)) }) {
            return .failure(error)
        }
        return .success(names.sorted())
    }

    /// The names of the folders in a folder, without hidden ones, without links to folders, which may lead in circles,
    /// and without `node_modules`, where there are thousands and none has manifests.
    static func folders(in path: String) -> Result<[String], FileError> {
        var names: [String] = []
        var unknown: FileError?
        let error = forEachName(in: path) { name, folder in
            var status = stat()
            guard fstatat(folder, name, &status, AT_SYMLINK_NOFOLLOW) == 0 else {
                let error = FileError(number: errno)
                // Deleted since it was listed.
                if !error.isMissing { unknown = error }
                return
            }
            guard status.st_mode & S_IFMT == S_IFDIR, strcmp(name, "node_modules") != 0 else { return }
            names.append(String(cString: name))
        }
        return (error ?? unknown).map { .failure($0) } ?? .success(names)
    }

    /// What tells one set of such names from another; nil if they cannot be listed. Takes a fraction of what a list of
    /// them does.
    static func digestOfNames(in folder: String) -> Int? {
        var digest = 0
        let error = forEachName(in: folder) { name, _ in
            var hasher = Hasher()
            hasher.combine(bytes: UnsafeRawBufferPointer(start: name, count: strlen(name)))
            // In whatever order they come.
            digest &+= hasher.finalize()
        }
        return error == nil ? digest : nil
    }

    /// - Parameter body: gets a name, which it must not keep, and the descriptor of the folder.
    private static func forEachName(
        in folder: String, _ body: (UnsafePointer<CChar>, Int32) -> Void
    ) -> FileError? {
        guard let stream = opendir(folder) else { return FileError(number: errno) }
        defer { closedir(stream) }
        while true {
            // The end and an error look the same but for this.
            errno = 0
            guard let entry = readdir(stream) else { return errno == 0 ? nil : FileError(number: errno) }
            withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { name in
                    if name.pointee != CChar(UInt8(ascii: ".")) { body(name, dirfd(stream)) }
                }
            }
        }
    }

    /// Nanoseconds since 1970 by the clock of file times.
    static func now() -> Int64 {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return nanoseconds(time)
    }
}
