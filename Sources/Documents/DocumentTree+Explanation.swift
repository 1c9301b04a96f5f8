internal import Objects

extension DocumentTree {
    /// What a decoder's error means to whoever wrote the document: the line of the value, or of what lacks it, and what
    /// was expected and found there.
    public func explanation(of error: DecodingError) -> (line: Int, message: String) {
        let (line, value) = locate(error.path.map(PathStep.init))
        return (line, words(for: error, value: value))
    }

    /// The words of an error, with what was found where they lack it.
    private func words(for error: DecodingError, value: Int?) -> String {
        var message = error.expectation
        if case .keyNotFound = error { return message }
        guard let value else { return message }
        if !message.contains(", found ") { message += ", found \(description(of: value))" }
        switch nodes[value].kind {
        case .yes, .no, .integer, .decimal:
            // The commonest mistake of all: `version: 1.0` as a label.
            if message.hasPrefix("expected text, ") { message += " (put it in quotes)" }
        default: break
        }
        return message
    }
}
