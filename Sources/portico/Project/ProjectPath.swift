import Base
import Glibc

/// Where a project file is looked for, and where paths in it lead.
enum ProjectPath {
    /// The file of a folder or of the nearest one above it: up to the top of the repository or the home folder,
    /// whichever comes first, and in neither of them that folder's alone, since what is above may be anybody's.
    ///
    /// - Parameters:
    ///   - folder: with its whole path, as `getcwd` has it.
    ///   - exists: whether there is anything at a path.
    static func find(from folder: String, home: String?, exists: (String) -> Bool) -> String? {
        var (current, candidates) = (folder[...], [String]())
        while true {
            candidates.append(join(String(current), ProjectFile.name))
            let isEnd = String(current) == home || exists(join(String(current), ".git"))
            guard !isEnd else { return candidates.first(where: exists) }
            guard current != "/", let slash = current.lastIndex(of: "/") else { break }
            current = slash == current.startIndex ? "/" : current[..<slash]
        }
        return candidates.first.flatMap { exists($0) ? $0 : nil }
    }

    /// As it is here.
    static func find() -> String? {
        guard let folder = realPath(".") else { return nil }
        let home = ProcessEnvironment.variables["HOME"].flatMap(realPath)
        let found = find(from: folder, home: home) { name in
            var status = stat()
            return lstat(name, &status) == 0
        }
        return found.map { Self.folder(of: $0) == nil ? ProjectFile.name : $0 }
    }

    /// A path of a project file, which begins where the file is, for this process.
    static func seen(_ text: String, from file: String) -> String {
        if text.hasPrefix("~/"), let home = ProcessEnvironment.variables["HOME"] {
            return join(home, String(text.dropFirst(2)))
        }
        guard !text.hasPrefix("/"), text != "-", let folder = folder(of: file) else { return text }
        return text == "." ? folder : join(folder, text)
    }

    /// The folder of a file; nil if that is where this process is.
    static func folder(of file: String) -> String? {
        guard let slash = file.lastIndex(of: "/") else { return nil }
        let folder = slash == file.startIndex ? "/" : String(file[..<slash])
        return realPath(folder) == realPath(".") ? nil : folder
    }

    private static func join(_ folder: String, _ name: String) -> String {
        folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
    }
}
