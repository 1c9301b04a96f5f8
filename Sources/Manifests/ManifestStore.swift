internal import Services

/// What has been read of all files, and what follows from it.
///
/// A value, driven by the source: it reads files when told to and knows nothing of time.
struct ManifestStore {
    private struct Record {
        var path: String?
        /// The state that was read; nil if the file has to be read again at the next opportunity.
        var fingerprint: FileFingerprint?
        var contents: FileContents
    }

    private let inputs: [ManifestInput]
    private var records: [Record] = []
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
        let listing = FileListing(inputs)
        apply(listing)
        return result()
    }

    /// Looks at the files, and reads what changed.
    ///
    /// A change is acted upon once two looks in a row agree, so that a file in the middle of being written, or away for a
    /// moment between two renames, is left in peace.
    ///
    /// - Returns: Nil if there was nothing to read.
    mutating func poll() -> ManifestResult? {
        let listing = FileListing(inputs)
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
            // Standard input and pipes give what they have once.
            let isStream = entry.fingerprint == nil && record.fingerprint == nil && !record.contents.failedToRead
            let isUnchanged = entry.fingerprint != nil && entry.fingerprint == record.fingerprint
            return isStream || isUnchanged ? record : read(entry, earlier: record)
        }
        let listed = Set(listing.entries.map(\.path))
        for folder in listing.unreadableFolders {
            let prefix = folder.hasSuffix("/") ? folder : folder + "/"
            for (path, record) in known where path?.hasPrefix(prefix) == true && !listed.contains(path) {
                records.append(record)
            }
        }
        applied = listing
        pending = nil
        waits = 0
    }

    private func read(_ entry: FileListing.Entry, earlier: Record?) -> Record {
        var record = Record(path: entry.path, fingerprint: nil, contents: FileContents())
        switch FileSystem.read(entry.path) {
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
            let isFresh = reading.fingerprint?.isFresh(at: FileSystem.now()) ?? true
            record.fingerprint = isFresh ? nil : reading.fingerprint
        }
        if let earlier { record.contents.retain(from: earlier.contents) }
        return record
    }

    // MARK: Putting together

    private func result() -> ManifestResult {
        var result = ManifestResult(problems: applied?.problems ?? [])
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
