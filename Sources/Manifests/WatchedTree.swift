internal import Base

/// One `-f` argument: itself and, where it is to be read recursively, the folders below it, each as if it had been
/// named too.
///
/// A folder below that is deleted takes its objects along, as a deleted file does. With the argument itself all is
/// kept, and what is below a folder that cannot be listed any more stays as it was.
struct WatchedTree {
    /// Who names a folder with more means another one.
    static let mostFolders = 4096

    private let path: String?
    private let number: Int
    private var top: WatchedInput
    /// The folders that were found below it at the last look, in the order of their paths.
    private var below: [WatchedInput] = []
    /// What it and each folder below had in it when its names were looked at, by path.
    private var known: [String: FolderListing] = [:]
    /// What is wrong with the way to the folders below, at the last look and as it counts.
    private var (foundWrong, wrong): ([ManifestProblem], [ManifestProblem]) = ([], [])

    /// The files that count, in order.
    private(set) var files: [ManifestFile] = []

    /// - Parameter number: its place among the inputs.
    init(_ input: ManifestInput, number: Int) {
        self.number = number
        if case .tree(let path) = input { self.path = path } else { path = nil }
        top = WatchedInput(input, number: number)
    }

    /// What is wrong with it as a whole, and with folders in it.
    var problems: [ManifestProblem] {
        let own = [top.problem].compactMap(\.self) + below.compactMap(\.problem)
        // Where the files of a folder cannot be listed either, that is enough to say.
        let said = Set(own.filter { $0.severity == .error }.map(\.file))
        return own + wrong.filter { !said.contains($0.file) }
    }

    /// How many files and folders a look looks at.
    var count: Int { files.count + 1 + below.count }

    /// Looks at it and its files, by name and not by content.
    ///
    /// - Parameter replaced: gets the files that others have taken the place of, as by a rename.
    /// - Returns: whether anything else is other than at the last look.
    mutating func look(_ replaced: inout [ManifestFile]) -> Bool {
        var differs = top.look(&replaced)
        guard let path, top.isFolder else { return differs }
        guard hasOtherFolders else { return lookBelow(&replaced) || differs }
        let wrongBefore = foundWrong
        let folders = walk(path)
        if foundWrong != wrongBefore { differs = true }
        if folders != below.map(\.path) {
            let earlier = Dictionary(below.map { ($0.path, $0) }, uniquingKeysWith: { first, _ in first })
            below = folders.map { earlier[$0] ?? WatchedInput(.path($0), number: number) }
            differs = true
        }
        return lookBelow(&replaced) || differs
    }

    private mutating func lookBelow(_ replaced: inout [ManifestFile]) -> Bool {
        var differs = false
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
        wrong = foundWrong
        for index in below.indices { _ = below[index].accept(orFinding: true) }
        let now = top.files + below.flatMap(\.files)
        defer { files = now }
        return !files.elementsEqual(now, by: ===)
    }

    /// A look at each, without making anything anew: mostly there is nothing.
    private var hasOtherFolders: Bool { known.isEmpty || !known.allSatisfy { $1.isUpToDate(of: $0) } }

    /// The folders below one, in the order of their paths. Costs a look at each, and a list of names where those are
    /// others.
    private mutating func walk(_ top: String) -> [String] {
        var (found, pending, listings) = ([String](), [top], [String: FolderListing]())
        foundWrong = []
        while let folder = pending.popLast(), found.count <= Self.mostFolders {
            guard let listing = FolderListing.of(folder, knowing: known[folder]) else { continue }
            listings[folder] = listing
            if let error = listing.error {
                let ending = listing.folders.isEmpty ? "" : "; those that are known stay in use"
                foundWrong.append(
                    ManifestProblem(
                        file: folder.onOneLine, message: "the folders in it cannot be listed: \(error)\(ending)"))
            }
            if folder != top { found.append(folder) }
            pending += listing.folders
        }
        if found.count > Self.mostFolders {
            foundWrong.append(
                ManifestProblem(
                    file: top.onOneLine,
                    message: "has more than \(Self.mostFolders) folders below it, of which the rest is left out: "
                        + "name those with manifests"))
        }
        known = listings
        return found.prefix(Self.mostFolders).sorted()
    }
}
