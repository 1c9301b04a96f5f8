internal import Base

/// A token that somebody else keeps fresh in a file, as a kubelet does for each pod.
struct TokenFile {
    /// A token in a file is new long before the old one ends, so that this may be later than it could be.
    static let period = Duration.seconds(50)

    let path: String
    private var token: String?
    private var readAt: ContinuousClock.Instant?
    private(set) var issue = 0

    /// - Parameter first: used while the file cannot be read for the first time.
    init(path: String, first: String?) {
        self.path = path
        token = first
    }

    /// Blocks for a moment, if it is time to read.
    mutating func current(at now: ContinuousClock.Instant) throws(TokenFileError) -> String {
        if let token, let readAt, now - readAt < Self.period { return token }
        do throws(TokenFileError) {
            let next = try read()
            // A number for each token, and for each time that one was asked for again.
            if next != token { issue += 1 }
            token = next
            readAt = now
            return next
        } catch {
            // The old one may be good for a while, and the file is read again for the next request.
            guard let token else { throw error }
            return token
        }
    }

    /// The server has refused what this gave: the file is read, however young the token is. Blocks for a moment.
    ///
    /// - Returns: whether the next request will have another.
    mutating func refuse(_ refused: Int, at now: ContinuousClock.Instant) -> Bool {
        guard refused == issue else { return true }
        let old = token
        token = nil
        guard let next = try? current(at: now) else { return false }
        guard next == old else { return true }
        // As the file still has it, it is tried by the next request, and read again for that.
        token = nil
        return false
    }

    private func read() throws(TokenFileError) -> String {
        let text: String
        do throws(SystemError) {
            text = String(decoding: try LocalFile.read(path), as: UTF8.self).trimmed
        } catch {
            throw TokenFileError(description: "the token file \(path) cannot be read: \(error.reason)")
        }
        guard !text.isEmpty else { throw TokenFileError(description: "the token file \(path) is empty") }
        guard text.isHeaderValue else {
            throw TokenFileError(description: "the token file \(path) has more than one line, or control characters")
        }
        return text
    }
}

struct TokenFileError: Error, CustomStringConvertible {
    let description: String
}
