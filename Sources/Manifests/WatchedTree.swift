/// One `-f` argument: itself and, where it is to be read recursively, the folders below it, each as if it had been named too.
///
/// A folder below that is deleted takes its objects along, as a deleted file does. With the argument itself all is kept.
struct WatchedTree {
    /// Who names a folder with more means another one.
    static let mostFolders = 4096

    private let path: String?
    private let number: Int
    private var top: WatchedInput
    /// The folders that were found below it at the last look, in the order of their paths.
    private var below: [WatchedInput] = []
    /// What each folder had in it when its names were looked at.
    private var known: [String: Listing] = [:]
    private var isTooLarge = false

    /// The files that count, in order.
    private(set) var files: [ManifestFile] = []

    private struct Listing {
        let stamp: FolderStamp
        /// It may have changed since without another stamp.
        let isFresh: Bool
        let folders: [String]
    }

    /// - Parameter number: its place among the inputs.
    init(_ input: ManifestInput, number: Int) {
        self.number = number
        if case .tree(let path) = input { self.path = path } else { path = nil }
        top = WatchedInput(input, number: number)
    }

    /// What is wrong with it as a whole, and with folders in it.
    var problems: [ManifestProblem] {
        let size = ManifestProblem(
            file: path ?? "",
            message:
                "has more than \(Self.mostFolders) folders below it, of which the rest is left out: name those with manifests"
        )
        return [top.problem].compactMap(\.self) + below.compactMap(\.problem) + (isTooLarge ? [size] : [])
    }

    /// Looks at it and its files, by name and not by content.
    ///
    /// - Parameter replaced: gets the files that others have taken the place of, as by a rename.
    /// - Returns: whether anything else is other than at the last look.
    mutating func look(_ replaced: inout [ManifestFile]) -> Bool {
        var differs = top.look(&replaced)
        guard let path, top.isFolder else { return differs }
        let folders = walk(path)
        if folders != below.map(\.path) {
            let earlier = Dictionary(below.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
            below = folders.map { earlier[$0] ?? WatchedInput(.path($0), number: number) }
            differs = true
        }
        for index in below.indices where below[index].look(&replaced) { differs = true }
        return differs
    }

    /// Has the files count that were found.
    ///
    /// - Returns: whether other files count now.
    mutating func accept() -> Bool {
        let changed = top.accept(
            holding: files.filter { !$0.folder.isEmpty }, orFinding: below.contains { $0.hasFound })
        guard path != nil, !top.isLost else {
            if path == nil { files = top.files }
            return changed
        }
        for index in below.indices { _ = below[index].accept(orFinding: true) }
        let now = top.files + below.flatMap(\.files)
        defer { files = now }
        return !files.elementsEqual(now, by: ===)
    }

    /// The folders below one, each after the one that it is in. Costs a look at each, and a list of names where those are others.
    private mutating func walk(_ top: String) -> [String] {
        var (found, pending, listings) = ([String](), [top], [String: Listing]())
        while let folder = pending.popLast(), found.count <= Self.mostFolders {
            guard case .success(.folder(let stamp)) = FileSystem.kind(of: folder) else { continue }
            var listing = known[folder]
            if listing?.stamp != stamp || listing?.isFresh == true {
                listing = Listing(
                    stamp: stamp, isFresh: stamp.isFresh(at: FileSystem.now()), folders: FileSystem.folders(in: folder))
            }
            listings[folder] = listing
            if folder != top { found.append(folder) }
            let prefix = folder.hasSuffix("/") ? folder : folder + "/"
            pending += (listing?.folders ?? []).map { prefix + $0 }
        }
        isTooLarge = found.count > Self.mostFolders
        known = listings
        return found.prefix(Self.mostFolders).sorted()
    }
}
