/// One look at all inputs: which files there are, in which state. Two looks are compared to find out whether anything
/// changed.
struct FileListing: Hashable, Sendable {
    struct Entry: Hashable, Sendable {
        /// Nil for standard input.
        var path: String?
        /// Nil for standard input, pipes and what could not be examined.
        var fingerprint: FileFingerprint?
        /// Standard input, or a pipe: it gives what it has once.
        var isStream = false

        var name: String { path ?? ManifestInput.standardInputName }
    }

    /// What an input is at this moment.
    enum Input: Hashable, Sendable {
        case file
        case folder(FolderIdentity, isEmpty: Bool)
        /// Neither, and why.
        case unreadable(String)
    }

    var entries: [Entry] = []
    /// By path; standard input is none of them.
    var inputs: [String: Input] = [:]
    /// In their order.
    private(set) var paths: [String] = []

    /// - Parameters:
    ///   - inputs: In their order, which is kept; a file that is named twice counts once.
    ///   - known: paths at which there were files: what has taken their place in a folder is listed, whatever it is.
    init(_ inputs: [ManifestInput], known: Set<String> = []) {
        var seen: Set<String> = []
        for input in inputs {
            switch input {
            case .standardInput:
                if seen.insert("-").inserted { entries.append(Entry(isStream: true)) }
            case .path(let path):
                paths.append(path)
                self.inputs[path] = look(at: path, known, &seen)
            }
        }
    }

    private mutating func look(at path: String, _ known: Set<String>, _ seen: inout Set<String>) -> Input {
        switch FileSystem.kind(of: path) {
        case .success(.folder(let identity)):
            return lookInto(path, identity, known, &seen)
        case .success(let kind):
            if seen.insert(path).inserted { entries.append(Entry(path, kind)) }
            return .file
        case .failure(let error) where error.isMissing:
            return .unreadable("no such file or folder")
        case .failure:
            // Reading it will fail likewise and say why, without forgetting what it held.
            if seen.insert(path).inserted { entries.append(Entry(path: path)) }
            return .file
        }
    }

    private mutating func lookInto(
        _ folder: String, _ identity: FolderIdentity, _ known: Set<String>, _ seen: inout Set<String>
    ) -> Input {
        let names: [String]
        switch FileSystem.names(in: folder) {
        case .failure(let error): return .unreadable("cannot be listed: \(error)")
        case .success(let found): names = found
        }
        var isEmpty = true
        for name in names where [".yaml", ".yml", ".json"].contains(where: name.hasSuffix) {
            let path = folder.hasSuffix("/") ? folder + name : "\(folder)/\(name)"
            var entry = Entry(path: path)
            switch FileSystem.kind(of: path) {
            // Folders of such a name are no manifests, but neither is one that has taken a manifest's place its deletion.
            case .success(.folder): guard known.contains(path) else { continue }
            // Nobody named it, so nobody says that it will come to an end: reading it will fail and say so.
            case .success(.stream): break
            case .success(let kind): entry = Entry(path, kind)
            // A file may vanish between the listing and this look; then it is gone. A link that leads nowhere is there.
            case .failure: guard FileSystem.exists(path) else { continue }
            }
            isEmpty = false
            if seen.insert(path).inserted { entries.append(entry) }
        }
        return .folder(identity, isEmpty: isEmpty)
    }
}

extension FileListing.Entry {
    fileprivate init(_ path: String, _ kind: FileKind) {
        self.path = path
        switch kind {
        case .file(let fingerprint): self.fingerprint = fingerprint
        case .stream: isStream = true
        case .folder: break
        }
    }
}
