internal import Glibc

/// A folder of its own for one test, removed with all it holds when the value goes.
public final class TemporaryDirectory: Sendable {
    public let path: String

    /// - Parameters:
    ///   - readableByAll: lets an ordinary user in (see ``runAsOrdinaryUser(_:_:environment:within:)``).
    ///   - folder: to make it in; nil for where temporary files are.
    public init(readableByAll: Bool = false, in folder: String? = nil) throws {
        let root = folder ?? getenv("TMPDIR").map { String(cString: $0) } ?? "/tmp"
        var template = Array("\(root)/portico-test.XXXXXX".utf8CString)
        guard let made = mkdtemp(&template) else { throw PeerError.last("mkdtemp \(root)") }
        path = String(cString: made)
        if readableByAll { chmod(path, 0o755) }
    }

    deinit { Self.removeTree(path) }

    /// The path of `name` in this folder.
    public func file(_ name: String) -> String { "\(path)/\(name)" }

    /// Writes a file in place, making the folders on its way.
    @discardableResult
    public func write(_ text: String, to name: String) throws -> String {
        let target = file(name)
        var folder = ""
        for part in target.split(separator: "/").dropLast() {
            folder += "/\(part)"
            mkdir(folder, 0o755)
        }
        let descriptor = open(target, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
        guard descriptor >= 0 else { throw PeerError.last("open \(target)") }
        defer { close(descriptor) }
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            guard written > 0 else { throw PeerError.last("write \(target)") }
            bytes = bytes.dropFirst(written)
        }
        return target
    }

    /// Replaces a file the way editors do: written beside it, then renamed over it.
    @discardableResult
    public func replace(_ name: String, with text: String) throws -> String {
        try write(text, to: name + ".new")
        guard rename(file(name + ".new"), file(name)) == 0 else { throw PeerError.last("rename \(file(name))") }
        return file(name)
    }

    public func remove(_ name: String) { Self.removeTree(file(name)) }

    private static func removeTree(_ path: String) {
        // Not followed: a test may have a symbolic link that points out of the folder.
        var status = stat()
        guard lstat(path, &status) == 0 else { return }
        if status.st_mode & S_IFMT == S_IFDIR {
            for name in names(in: path) { removeTree("\(path)/\(name)") }
            rmdir(path)
        } else {
            unlink(path)
        }
    }

    private static func names(in path: String) -> [String] {
        guard let folder = opendir(path) else { return [] }
        defer { closedir(folder) }
        var names: [String] = []
        while let entry = readdir(folder) {
            let name = withUnsafePointer(to: &entry.pointee.d_name) {
                $0.withMemoryRebound(to: CChar.self, capacity: 256) { String(cString: $0) }
            }
            if name != ".", name != ".." { names.append(name) }
        }
        return names
    }
}
