internal import Documents
internal import Glibc

extension FileSystem {
    /// What reading a file gave, and the state it was in. Nil as state means that it changed meanwhile.
    struct Reading {
        var text: FileText
        var fingerprint: FileFingerprint?
    }

    /// Bytes that a pipe or device may give; far beyond what any cluster has.
    static let mostOfAStream = 256 << 20
    /// Bytes that a file may have: what a tree can index. A sparse file may claim far more than there is memory for.
    static let mostOfAFile = DocumentTree.maximumBytes

    /// - Parameters:
    ///   - path: Nil reads standard input.
    ///   - isStream: pipes and devices are read to their end, which they are waited for; else they are refused.
    static func read(_ path: String?, isStream: Bool) -> Result<Reading, FileError> {
        // Opening a pipe waits for its writer, but for this.
        let waiting = isStream ? 0 : O_NONBLOCK
        let descriptor = path.map { Glibc.open($0, O_RDONLY | O_CLOEXEC | waiting) } ?? STDIN_FILENO
        guard descriptor >= 0 else { return .failure(FileError(number: errno)) }
        defer { if path != nil { close(descriptor) } }
        var before = stat()
        guard fstat(descriptor, &before) == 0 else { return .failure(FileError(number: errno)) }
        if !isStream, case .stream = kind(before) { return .failure(.notAFile) }
        guard Int(before.st_size) <= mostOfAFile else { return .failure(.tooLarge) }

        let text: FileText
        switch readAll(descriptor, expecting: Int(before.st_size), atMost: isStream ? mostOfAStream : mostOfAFile) {
        case .failure(.endless): return .failure(isStream ? .endless : .tooLarge)
        case .failure(let error): return .failure(error)
        case .success(let all): text = all
        }
        var after = stat()
        guard fstat(descriptor, &after) == 0 else { return .failure(FileError(number: errno)) }
        guard case .file(let state) = kind(before), kind(after) == .file(state) else {
            return .success(Reading(text: text, fingerprint: nil))
        }
        return .success(Reading(text: text, fingerprint: state))
    }

    /// - Parameter size: what the file claims to have, which is read in one piece; pipes claim nothing and come in
    ///   small ones.
    private static func readAll(
        _ descriptor: Int32, expecting size: Int, atMost most: Int
    ) -> Result<FileText, FileError> {
        let text = FileText()
        while true {
            // One byte more than there should be, so that the end is seen without room for another piece.
            let want = text.count <= size && size > 0 ? size + 1 - text.count : 1 << 16
            errno = ENOMEM
            let count = text.append(want) { Glibc.read(descriptor, $0, want) }
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return .failure(FileError(number: errno)) }
            guard count > 0 else { return .success(text) }
            guard text.count <= most else { return .failure(.endless) }
        }
    }
}
