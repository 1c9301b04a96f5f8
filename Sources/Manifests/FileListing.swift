/// One look at all inputs: which files there are, in which state. Two looks are compared to find out whether anything
/// changed.
struct FileListing: Hashable, Sendable {
    struct Entry: Hashable, Sendable {
        /// Nil for standard input.
        var path: String?
        /// Nil for standard input, pipes and what could not be examined.
        var fingerprint: FileFingerprint?

        var name: String { path ?? ManifestInput.standardInputName }
    }

    var entries: [Entry] = []
    /// Problems with inputs as such: missing ones, and folders that hold nothing.
    var problems: [ManifestProblem] = []
    /// Folders that could not be listed just now. What they held before is kept.
    var unreadableFolders: [String] = []

    /// - Parameter inputs: In their order, which is kept; a file that is named twice counts once.
    init(_ inputs: [ManifestInput]) {
        var seen: Set<String> = []
        for input in inputs {
            switch input {
            case .standardInput:
                if seen.insert("-").inserted { entries.append(Entry()) }
            case .path(let path):
                add(path, seen: &seen)
            }
        }
    }

    private mutating func add(_ path: String, seen: inout Set<String>) {
        switch FileSystem.kind(of: path) {
        case .success(.folder):
            addFolder(path, seen: &seen)
        case .success(let kind):
            if seen.insert(path).inserted { entries.append(Entry(path: path, fingerprint: kind.fingerprint)) }
        case .failure(let error) where error.isMissing:
            problems.append(ManifestProblem(file: path, message: "no such file or folder"))
        case .failure:
            // Reading it will fail likewise and say why, without forgetting what it held.
            if seen.insert(path).inserted { entries.append(Entry(path: path)) }
        }
    }

    private mutating func addFolder(_ folder: String, seen: inout Set<String>) {
        switch FileSystem.names(in: folder) {
        case .failure(let error):
            unreadableFolders.append(folder)
            problems.append(ManifestProblem(file: folder, message: "cannot be listed: \(error)"))
        case .success(let names):
            var found = false
            for name in names where [".yaml", ".yml", ".json"].contains(where: name.hasSuffix) {
                let path = folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
                // A file may vanish between the listing and this look; then it is gone.
                guard case .success(let kind) = FileSystem.kind(of: path), kind != .folder else { continue }
                found = true
                if seen.insert(path).inserted { entries.append(Entry(path: path, fingerprint: kind.fingerprint)) }
            }
            guard !found else { return }
            problems.append(
                ManifestProblem(severity: .warning, file: folder, message: "no *.yaml, *.yml or *.json files in it"))
        }
    }
}

extension FileKind {
    fileprivate var fingerprint: FileFingerprint? {
        if case .file(let fingerprint) = self { fingerprint } else { nil }
    }
}
