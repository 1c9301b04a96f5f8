internal import Base
internal import EventLoop

/// A file, a folder or standard input: what it was at the last look, and the files that it has, without those in
/// folders below it.
struct WatchedInput {
    enum Condition: Hashable {
        case file
        case folder(FolderIdentity)
        /// Neither, and why.
        case unreadable(String)
    }

    let input: ManifestInput
    private let number: Int

    /// What it was at the last look, and the files that were found.
    private var condition: Condition?
    private var found: [ManifestFile] = []

    /// The files that count, in order.
    private(set) var files: [ManifestFile] = []
    /// What is wrong with it as a whole.
    private(set) var problem: ManifestProblem?
    /// What it was when it could last be read.
    private var readable: Condition?

    /// The state of the folder in which its names were as they are known; nil if they have to be looked at again.
    private var seen: FolderStamp?
    private var looksSinceNames = 0
    /// Of the names when they were listed; nil if among them there may be more files than were found.
    private var digest: Int?

    /// Some network file systems keep a folder's times to themselves, so names are looked at now and then all the same.
    private static let looksPerNames = 40

    /// - Parameter number: its place among the inputs.
    init(_ input: ManifestInput, number: Int) {
        self.input = input
        self.number = number
    }

    var path: String {
        switch input {
        case .path(let path), .tree(let path): path
        case .standardInput: ManifestInput.standardInputName
        }
    }

    // MARK: Looking

    /// Looks at it and its files, by name and not by content.
    ///
    /// - Parameter replaced: gets the files that others have taken the place of, as by a rename.
    /// - Returns: whether anything else is other than at the last look.
    mutating func look(_ replaced: inout [ManifestFile]) -> Bool {
        guard input != .standardInput else {
            guard found.isEmpty else { return false }
            found = [ManifestFile(input: number, name: path, isStandardInput: true, sight: .stream)]
            condition = .file
            return true
        }
        switch FileSystem.kind(of: path) {
        case .success(.folder(let stamp)): return lookInto(path, stamp, &replaced)
        case .success(.file(let fingerprint)): return takeItself(.file(fingerprint), &replaced)
        case .success(.stream): return takeItself(.stream, &replaced)
        case .failure(let error) where error.isMissing:
            let isLink = FileSystem.exists(path, in: FileSystem.currentFolder)
            return become(.unreadable(isLink ? FileSystem.danglingLink : "no such file or folder"))
        case .failure(let error) where wasFolder: return become(.unreadable("cannot be looked into: \(error)"))
        // Reading it will fail likewise and say why, without forgetting what it held.
        case .failure: return takeItself(.obstacle, &replaced)
        }
    }

    var isFolder: Bool { if case .folder = condition { true } else { false } }
    /// When it could last be read.
    private var wasFolder: Bool { if case .folder = readable { true } else { false } }
    /// The last look has found a file.
    var hasFound: Bool { !found.isEmpty }
    /// It has vanished, and what it held is kept.
    var isLost: Bool { problem?.severity == .error }

    private mutating func become(_ new: Condition) -> Bool {
        defer { condition = new }
        return condition != new
    }

    private mutating func takeItself(_ sight: ManifestFile.Sight, _ replaced: inout [ManifestFile]) -> Bool {
        let hasBecome = become(.file)
        guard let file = found.first, file.folder.isEmpty else {
            found = [files.first { $0.folder.isEmpty } ?? ManifestFile(input: number, name: path, sight: sight)]
            found[0].sight = sight
            return true
        }
        return file.differs(now: sight, &replaced) || hasBecome
    }

    private mutating func lookInto(_ path: String, _ stamp: FolderStamp, _ replaced: inout [ManifestFile]) -> Bool {
        looksSinceNames += 1
        if seen != stamp || looksSinceNames >= Self.looksPerNames {
            // A rename changes the folder, and mostly gives a known name to another file.
            guard let digest, FileSystem.digestOfNames(in: path) == digest else {
                return list(path, stamp, &replaced)
            }
            namesAreKnown(stamp)
        }
        var differs = become(.folder(stamp.identity))
        guard !found.isEmpty else { return differs }
        let folder = FileSystem.open(folder: path)
        for file in found {
            guard let sight = sight(of: file.name, in: folder, isKnown: true) else {
                return list(path, stamp, &replaced)
            }
            if file.differs(now: sight, &replaced) { differs = true }
        }
        return differs
    }

    /// A project file is none, whoever names the folder that it is in; a manifest of that name has to be named itself.
    private static func isManifest(_ name: String) -> Bool {
        name != "portico.yaml" && [".yaml", ".yml", ".json"].contains(where: name.hasSuffix)
    }

    private mutating func namesAreKnown(_ stamp: FolderStamp) {
        seen = stamp.isFresh(at: FileSystem.now()) ? nil : stamp
        looksSinceNames = 0
    }

    /// Lists the names in the folder, and looks at each.
    private mutating func list(_ path: String, _ stamp: FolderStamp, _ replaced: inout [ManifestFile]) -> Bool {
        seen = nil
        // Before the names, so that one that comes between the two is seen at the next look.
        digest = FileSystem.digestOfNames(in: path)
        let names: [String]
        switch FileSystem.names(in: path) {
        case .failure(let error): return become(.unreadable("cannot be listed: \(error)"))
        case .success(let all): names = all
        }
        var differs = become(.folder(stamp.identity))
        let prefix = path.hasSuffix("/") ? path : path + "/"
        var known: [String: ManifestFile] = [:]
        for file in files + found where file.folder == prefix { known[file.name] = file }
        let folder = FileSystem.open(folder: path)
        var listing: [ManifestFile] = []
        for name in names where Self.isManifest(name) {
            let file = known[name]
            guard let sight = sight(of: name, in: folder, isKnown: file != nil) else {
                digest = nil
                continue
            }
            if let file, file.differs(now: sight, &replaced) { differs = true }
            listing.append(file ?? ManifestFile(input: number, folder: prefix, name: name, sight: sight))
        }
        differs = differs || !listing.elementsEqual(found, by: ===)
        found = listing
        namesAreKnown(stamp)
        return differs
    }

    /// - Parameter isKnown: that there was a file of this name.
    /// - Returns: nil if there is no manifest of this name.
    private func sight(of name: String, in folder: borrowing Descriptor, isKnown: Bool) -> ManifestFile.Sight? {
        switch FileSystem.kind(of: name, in: folder.raw) {
        case .success(.file(let fingerprint)): .file(fingerprint)
        // Folders of such a name are no manifests, but neither is one that has taken a manifest's place its deletion.
        case .success(.folder): isKnown ? .obstacle : nil
        // Nobody named it, so nobody says that it will come to an end: reading it will fail and say so.
        case .success(.stream): .obstacle
        // A file may vanish between the listing and this look; then it is gone. A link that leads nowhere is there.
        case .failure: FileSystem.exists(name, in: folder.raw) ? .obstacle : nil
        }
    }

    // MARK: Taking what was found

    /// Has the files count that were found. An input that has vanished says nothing about its objects: what it held is
    /// kept.
    ///
    /// - Parameters:
    ///   - others: files in folders below it that count so far, and are kept with its own.
    ///   - hasMore: there are files in folders below it, so that it may have none itself.
    /// - Returns: whether other files count now.
    mutating func accept(holding others: [ManifestFile] = [], orFinding hasMore: Bool = false) -> Bool {
        let reason: String
        switch condition {
        case .unreadable(let why):
            reason = why
        case .folder where found.isEmpty && !hasMore:
            // A volume that is no longer mounted looks so, while what was deleted one by one is in the same folder.
            guard let readable, readable != condition, (files + others).contains(where: { !$0.ids.isEmpty }) else {
                return take(
                    ManifestProblem(
                        severity: .warning, file: path.onOneLine, message: "no *.yaml, *.yml or *.json files in it"))
            }
            reason = "is another folder now, without any manifest"
        case .file, .folder, nil:
            return take(nil)
        }
        let held = files + others
        for file in held { file.isAway = true }
        let ending = held.contains { !$0.ids.isEmpty } ? "; its last good state stays in use" : ""
        problem = ManifestProblem(file: path.onOneLine, message: reason + ending)
        return false
    }

    private mutating func take(_ problem: ManifestProblem?) -> Bool {
        self.problem = problem
        readable = condition
        for file in found { file.isAway = false }
        defer { files = found }
        return !files.elementsEqual(found, by: ===)
    }
}
