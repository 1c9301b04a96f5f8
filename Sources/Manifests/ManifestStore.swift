internal import Cluster

/// What has been read of all files, and what follows from it.
///
/// Driven by the source: it reads files when told to and knows nothing of time.
struct ManifestStore {
    private var inputs: [WatchedTree]
    /// How many files and folders a look looks at.
    var count: Int { inputs.reduce(0) { $0 + $1.count } }
    /// Those of all inputs, in order, each path once.
    private(set) var files: [ManifestFile] = []
    private(set) var table = ObjectTable()

    /// A look found something that has not been acted upon.
    private var isBehind = false
    /// A file has to be read again without anything about it having changed.
    private var isUnsettled = false
    /// Files that others have taken the place of at the last look, if that is all that is to be acted upon.
    private var replaced: [ManifestFile] = []
    /// Looks in a row that each found something else.
    private var restlessLooks = 0
    /// A file that is written to all the time is read in the end all the same, after so many looks.
    private static let longestWait = 8

    /// The problems or notes have changed since they were put together.
    private var saysOtherThings = true
    /// Counts how often they were.
    private(set) var revision = 0
    private(set) var problems: [ManifestProblem] = []
    private(set) var notes: [String] = []
    /// How many objects of each kind were left out, of all files.
    private(set) var skipped: [String: Int] = [:]
    /// A source, or a file of one, cannot be read at all: there may be more objects than are known.
    private(set) var isPartial = false

    private let inspects: Bool

    /// - Parameter inspects: also says what is probably not as it was meant, and what an API server would not take.
    init(inputs: [ManifestInput], inspects: Bool = false) {
        self.inspects = inspects
        self.inputs = inputs.enumerated().map { WatchedTree($1, number: $0) }
    }

    // MARK: Looking and reading

    /// Reads everything that is new, without waiting for changes to settle.
    mutating func load() {
        _ = look()
        apply()
    }

    /// - Returns: whether anything is other than at the last look.
    private mutating func look() -> Bool {
        var replaced: [ManifestFile] = []
        var differs = false
        for index in inputs.indices where inputs[index].look(&replaced) { differs = true }
        // What changes together is acted upon together, at the pace of what takes longer.
        self.replaced = differs || isBehind ? [] : replaced
        return differs || !replaced.isEmpty
    }

    /// Has all be read again that can be.
    mutating func forget() {
        for file in files { file.forget() }
        isUnsettled = true
    }

    /// Looks at the files, and reads what changed.
    ///
    /// A change is acted upon once two looks in a row agree, so that a file in the middle of being written, or away for
    /// a moment between two renames, is left in peace.
    ///
    /// - Returns: whether there was anything to read.
    mutating func poll() -> Bool {
        let differs = look()
        isBehind = isBehind || differs
        restlessLooks = differs ? restlessLooks + 1 : 0
        guard isBehind || isUnsettled, !differs || restlessLooks > Self.longestWait else { return false }
        apply()
        return true
    }

    /// A look differed from the one before, and the next is to confirm it.
    var isWaiting: Bool { isBehind || isUnsettled }

    /// The last look found nothing but files that others have taken the place of. These are whole as a rule, and worth
    /// a look of their own before the next one at everything: ``confirm()``.
    var isSoonConfirmed: Bool { !replaced.isEmpty }

    /// Looks once more at files that others have taken the place of, and reads them if they are as they were.
    ///
    /// - Returns: whether there was anything to read. If not, the next look sees to it.
    mutating func confirm() -> Bool {
        defer { replaced = [] }
        guard !replaced.isEmpty, replaced.allSatisfy(\.isAsSeen) else { return false }
        apply()
        return true
    }

    private mutating func apply() {
        var hasOtherFiles = false
        for index in inputs.indices {
            let problems = inputs[index].problems
            if inputs[index].accept() { hasOtherFiles = true }
            saysOtherThings = saysOtherThings || inputs[index].problems != problems
        }
        if hasOtherFiles { regroup() }
        isUnsettled = false
        for file in files {
            if file.needsReading { read(file) }
            isUnsettled = isUnsettled || file.isUnsettled
        }
        replaced = []
        isBehind = false
        restlessLooks = 0
    }

    private mutating func regroup() {
        let earlier = files
        var paths: Set<String> = []
        files = inputs.flatMap(\.files).filter { paths.insert($0.isStandardInput ? "" : $0.path).inserted }
        let staying = Set(files.map(ObjectIdentifier.init))
        for file in earlier where !staying.contains(ObjectIdentifier(file)) { drop(file) }
    }

    private mutating func drop(_ file: ManifestFile) {
        table.replace(file, with: [])
        saysOtherThings = saysOtherThings || !file.problems.isEmpty || file.note != nil
        file.read = nil
        file.wasRead = false
    }

    private mutating func read(_ file: ManifestFile) {
        var contents = FileContents()
        let sight = file.sight
        switch FileSystem.read(file.isStandardInput ? nil : file.path, isStream: sight == .stream) {
        case .failure(let error):
            let isLink = error.isMissing && FileSystem.exists(file.path, in: FileSystem.currentFolder)
            contents = .unreadable(file, isLink ? FileSystem.danglingLink : "cannot be read: \(error)")
            // Not tried again until something about the file changes.
            file.read = sight
        case .success(let reading):
            let isFile = if case .file = sight { true } else { false }
            if isFile, reading.fingerprint == nil, file.wasRead {
                // Half of one state and half of another: the next look reads it again.
                file.read = nil
                return
            }
            if isFile, reading.text.count == 0, !file.ids.isEmpty {
                // Nobody deletes objects that way; full disks and interrupted editors do this.
                contents = .unreadable(file, "is empty")
            } else {
                contents = ManifestReader.read(reading.text, file: file.displayName, inspects: inspects)
            }
            file.read = state(reading, sight)
        }
        take(contents, of: file)
    }

    /// - Returns: what counts as read; nil if it has to be read again.
    private func state(_ reading: FileSystem.Reading, _ sight: ManifestFile.Sight) -> ManifestFile.Sight? {
        guard case .file = sight else { return sight }
        guard let fingerprint = reading.fingerprint, !fingerprint.isFresh(at: FileSystem.now()) else { return nil }
        return .file(fingerprint)
    }

    private mutating func take(_ contents: FileContents, of file: ManifestFile) {
        var contents = contents
        file.wasRead = true
        if !contents.failures.isEmpty { contents.retain(from: table.objects(of: file)) }
        table.replace(file, with: contents.objects)
        let problems = contents.problems(file: file.displayName)
        let note = contents.skippedNote(file: file.displayName)
        saysOtherThings =
            saysOtherThings || problems != file.problems || note != file.note
            || contents.failedToRead != file.failedToRead
        file.problems = problems
        file.note = note
        file.skipped = contents.skipped
        file.failedToRead = contents.failedToRead
    }

    // MARK: Telling

    /// What the objects that count have become since this was called before. The problems and notes follow.
    mutating func takeChanges() -> ObjectChanges {
        if saysOtherThings || table.hasNewWarnings { gather() }
        saysOtherThings = false
        return table.takeChanges()
    }

    private mutating func gather() {
        revision += 1
        let warnings = table.warnings()
        problems = inputs.flatMap(\.problems)
        isPartial = problems.contains { $0.severity == .error } || files.contains(where: \.failedToRead)
        for file in files { problems += file.problems + (warnings[ObjectIdentifier(file)] ?? []) }
        notes = files.compactMap(\.note)
        skipped = files.reduce(into: [:]) { $0.merge($1.skipped, uniquingKeysWith: +) }
    }
}

extension FileContents {
    fileprivate static func unreadable(_ file: ManifestFile, _ reason: String) -> FileContents {
        var contents = FileContents()
        contents.add(FailedObject(problem: ManifestProblem(file: file.displayName, message: reason)))
        contents.failedToRead = true
        return contents
    }
}
