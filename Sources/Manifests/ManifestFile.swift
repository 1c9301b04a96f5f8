internal import Base
internal import Objects

/// One file that manifests are read from: what it was like at the last look, and what of it was read.
///
/// A look at thousands of files a second must not allocate for each, so a file is an object that stays as long as it is
/// listed.
final class ManifestFile {
    /// What a look found.
    enum Sight: Hashable {
        case file(FileFingerprint)
        /// Standard input, or a pipe or device that somebody named: it gives what it has once.
        case stream
        /// Something that is no file to be read, or cannot be examined. Reading it fails and says why.
        case obstacle
    }

    /// Which of the inputs it belongs to.
    let input: Int
    /// The folder that it was found in, with a slash at its end; empty for a file that is named itself.
    let folder: String
    let name: String
    let isStandardInput: Bool

    var sight: Sight
    /// Its input has vanished, and what it said is kept.
    var isAway = false
    /// The state that was read; nil if it has to be read at the next opportunity.
    var read: Sight?

    // What it said when it was read last.
    var wasRead = false
    var ids: [ObjectID] = []
    var problems: [ManifestProblem] = []
    var note: String?
    /// How many objects of each kind were none of the proxy's business.
    var skipped: [String: Int] = [:]
    /// It could not even be opened or read.
    var failedToRead = false

    init(input: Int, folder: String = "", name: String, isStandardInput: Bool = false, sight: Sight) {
        self.input = input
        self.folder = folder
        self.name = name
        self.isStandardInput = isStandardInput
        self.sight = sight
    }

    var path: String { folder + name }

    /// What messages call it.
    var displayName: String { isStandardInput ? ManifestInput.standardInputName : path.onOneLine }

    var needsReading: Bool { read != sight && !isAway }
    /// It has to be read again without anything about it having changed.
    var isUnsettled: Bool { read == nil && !isAway }

    /// Takes what a look has found.
    ///
    /// - Parameter replaced: gets this file if another one has taken its place.
    /// - Returns: whether anything else is other than at the last look.
    func differs(now: Sight, _ replaced: inout [ManifestFile]) -> Bool {
        defer { sight = now }
        guard sight != now else { return false }
        guard case .file(let old) = sight, case .file(let new) = now, !old.isOfSameFile(as: new) else { return true }
        replaced.append(self)
        return false
    }

    /// Whether it is as it was at the last look.
    var isAsSeen: Bool {
        guard case .file(let fingerprint) = sight, case .success(let kind) = FileSystem.kind(of: path) else {
            return false
        }
        return kind == .file(fingerprint)
    }

    /// Has it read again, if it can give what it has a second time.
    func forget() {
        if sight != .stream || failedToRead { read = nil }
    }

    /// Whether what this file says of an object gives way to what another says: later inputs come first, of their
    /// folders later ones, and in a folder later names.
    func comesBefore(_ other: ManifestFile) -> Bool {
        (input, folder, name) < (other.input, other.folder, other.name)
    }
}
