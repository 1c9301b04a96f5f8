internal import Resolution

/// What has been read of all files, and what follows from it.
///
/// A value, driven by the source: it reads files when told to and knows nothing of time.
struct ManifestStore {
    private struct Record {
        var path: String?
        /// The state that was read; nil if the file has to be read again at the next opportunity.
        var fingerprint: FileFingerprint?
        var contents: FileContents

        /// Whether this is the input at `path`, or in it.
        func isOf(_ input: String) -> Bool {
            path == input || path?.hasPrefix(input.hasSuffix("/") ? input : input + "/") == true
        }
    }

    private let inputs: [ManifestInput]
    private var records: [Record] = []
    /// What each input was when it could last be read.
    private var sources: [String: FileListing.Input] = [:]
    /// Problems with inputs as such: missing ones, and folders that hold nothing.
    private var inputProblems: [ManifestProblem] = []
    /// The last look that was acted upon.
    private var applied: FileListing?
    /// A look that differed, waiting to be confirmed by the next.
    private var pending: FileListing?
    private var waits = 0

    /// A file that is written to all the time is read in the end all the same, after so many looks.
    private static let longestWait = 8

    init(inputs: [ManifestInput]) { self.inputs = inputs }

    /// Reads everything that is new.
    mutating func load() -> ManifestResult {
        apply(look())
        return result()
    }

    private func look() -> FileListing { FileListing(inputs, known: Set(records.compactMap(\.path))) }

    /// Has all be read again that can be.
    mutating func forgetFingerprints() {
        for index in records.indices { records[index].fingerprint = nil }
    }

    /// Looks at the files, and reads what changed.
    ///
    /// A change is acted upon once two looks in a row agree, so that a file in the middle of being written, or away for a
    /// moment between two renames, is left in peace.
    ///
    /// - Returns: Nil if there was nothing to read.
    mutating func poll() -> ManifestResult? {
        let listing = look()
        guard listing != applied || records.contains(where: { $0.fingerprint == nil && isWatched($0, in: listing) })
        else {
            pending = nil
            waits = 0
            return nil
        }
        guard listing == applied || listing == pending || waits >= Self.longestWait else {
            pending = listing
            waits += 1
            return nil
        }
        apply(listing)
        return result()
    }

    private func isWatched(_ record: Record, in listing: FileListing) -> Bool {
        listing.entries.contains { $0.path == record.path && $0.fingerprint != nil }
    }

    private mutating func apply(_ listing: FileListing) {
        var known: [String?: Record] = [:]
        for record in records { known[record.path] = record }
        records = listing.entries.map { entry in
            guard let record = known[entry.path] else { return read(entry, earlier: nil) }
            let isTaken = entry.isStream && !record.contents.failedToRead
            let isUnchanged = entry.fingerprint != nil && entry.fingerprint == record.fingerprint
            return isTaken || isUnchanged ? record : read(entry, earlier: record)
        }
        inputProblems = listing.paths.compactMap { path in
            listing.inputs[path].flatMap { take(path, $0, known.values.filter { $0.isOf(path) }) }
        }
        applied = listing
        pending = nil
        waits = 0
    }

    /// Takes note of what an input is now. One that has vanished says nothing about its objects: what it held is kept.
    ///
    /// - Parameter held: what was read of it before.
    /// - Returns: what is wrong with it.
    private mutating func take(_ path: String, _ input: FileListing.Input, _ held: [Record]) -> ManifestProblem? {
        let reason: String
        switch input {
        case .unreadable(let why):
            reason = why
        case .folder(let identity, isEmpty: true):
            let isAnother = if case .folder(identity, _) = sources[path] { false } else { sources[path] != nil }
            // A volume that is no longer mounted looks so, while what was deleted one by one is in the same folder.
            guard isAnother, held.contains(where: { !$0.contents.objects.isEmpty }) else {
                sources[path] = input
                return ManifestProblem(
                    severity: .warning, file: path, message: "no *.yaml, *.yml or *.json files in it")
            }
            reason = "is another folder now, without any manifest"
        case .file, .folder:
            sources[path] = input
            return nil
        }
        let listed = Set(records.map(\.path))
        let kept = held.filter { !listed.contains($0.path) }.sorted { ($0.path ?? "") < ($1.path ?? "") }
        records += kept
        let ending = kept.contains { !$0.contents.objects.isEmpty } ? "; its last good state stays in use" : ""
        return ManifestProblem(file: path, message: reason + ending)
    }

    private func read(_ entry: FileListing.Entry, earlier: Record?) -> Record {
        var record = Record(path: entry.path, fingerprint: nil, contents: FileContents())
        switch FileSystem.read(entry.path, isStream: entry.isStream) {
        case .failure(let error):
            let problem = ManifestProblem(file: entry.name, message: "cannot be read: \(error)")
            record.contents.failures = [FailedObject(identity: nil, problem: problem)]
            record.contents.failedToRead = true
            // Not tried again until something about the file changes.
            record.fingerprint = entry.fingerprint
        case .success(let reading):
            if reading.fingerprint == nil, entry.fingerprint != nil, let earlier {
                // Half of one state and half of another: the next look reads it again.
                return Record(path: entry.path, fingerprint: nil, contents: earlier.contents)
            }
            record.contents = ManifestReader.read(reading.bytes, file: entry.name)
            if reading.bytes.isEmpty, entry.fingerprint != nil, earlier?.contents.objects.isEmpty == false {
                // Nobody deletes objects that way; full disks and interrupted editors do this.
                let problem = ManifestProblem(file: entry.name, message: "is empty")
                record.contents.failures = [FailedObject(identity: nil, problem: problem)]
                record.contents.failedToRead = true
            }
            let isFresh = reading.fingerprint?.isFresh(at: FileSystem.now()) ?? true
            record.fingerprint = isFresh ? nil : reading.fingerprint
        }
        if let earlier { record.contents.retain(from: earlier.contents) }
        return record
    }

    // MARK: Putting together

    private func result() -> ManifestResult {
        var result = ManifestResult(problems: inputProblems)
        result.isPartial =
            inputProblems.contains { $0.severity == .error } || records.contains { $0.contents.failedToRead }
        var objects: [(file: String, loaded: LoadedObject)] = []
        var places: [ObjectIdentity: Int] = [:]
        for record in records {
            let file = record.path ?? ManifestInput.standardInputName
            result.problems += record.contents.failures.map(\.problem)
            if let note = record.contents.skippedNote(file: file) { result.notes.append(note) }
            for loaded in record.contents.objects {
                if let earlier = places.updateValue(objects.count, forKey: loaded.identity) {
                    result.problems += warning(loaded, in: file, replacing: objects[earlier])
                    objects[earlier].loaded.isReplaced = true
                }
                objects.append((file, loaded))
            }
        }
        for (_, loaded) in objects where !loaded.isReplaced { result.state.append(loaded.object) }
        return result
    }

    private func warning(
        _ loaded: LoadedObject, in file: String, replacing earlier: (file: String, loaded: LoadedObject)
    ) -> [ManifestProblem] {
        // An object that moves from one file to another while the first is broken is no mistake.
        guard !loaded.isRetained, !earlier.loaded.isRetained else { return [] }
        let message = "replaces the one in \(earlier.file):\(earlier.loaded.line)"
        return [
            ManifestProblem(
                severity: .warning, file: file, line: loaded.line, document: loaded.document,
                object: loaded.identity.description, message: message)
        ]
    }
}

extension ClusterState {
    fileprivate mutating func append(_ object: ManifestObject) {
        switch object {
        case .service(let service): services.append(service)
        case .endpointSlice(let slice): endpointSlices.append(slice)
        case .endpoints(let object): endpoints.append(object)
        case .pod(let pod): pods.append(pod)
        case .node(let node): nodes.append(node)
        }
    }
}
