internal import Documents

/// What people mostly did where a text is not what it should be, told in place of a parser's words.
enum TextMistake {
    static let template =
        "is a template that was not rendered ({{ … }}): render it first, as with helm template CHART | portico check -f -"
    private static let tab = "a tab in its indentation, where YAML takes only spaces"

    /// - Parameters:
    ///   - text: of a document.
    ///   - firstLine: the number of its first line.
    static func message(for error: SyntaxError, in text: UnsafeBufferPointer<UInt8>, firstLine: Int) -> SyntaxError {
        // A parser may see only behind the line that something is wrong.
        for line in [error.line, error.line - 1] where indentation(of: line, in: text, firstLine).contains(0x09) {
            var told = error
            (told.line, told.message) = (line, "not valid YAML: \(tab)")
            return told
        }
        return error
    }

    /// The lines in which a template engine would replace something, if it were a template.
    static func templateLines(in text: UnsafeBufferPointer<UInt8>, firstLine: Int) -> Set<Int> {
        Set(lines(of: text).enumerated().lazy.filter { isTemplate($0.element) }.map { firstLine + $0.offset })
    }

    private static func isTemplate(_ line: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        zip(line, line.dropFirst()).contains { $0 == (UInt8(ascii: "{"), UInt8(ascii: "{")) }
    }

    private static func indentation(
        of line: Int, in text: UnsafeBufferPointer<UInt8>, _ firstLine: Int
    ) -> Slice<UnsafeBufferPointer<UInt8>> {
        self.line(line, in: text, firstLine).prefix { $0 == 0x20 || $0 == 0x09 }
    }

    /// Empty for one that there is not.
    private static func line(
        _ line: Int, in text: UnsafeBufferPointer<UInt8>, _ firstLine: Int
    ) -> Slice<UnsafeBufferPointer<UInt8>> {
        guard line >= firstLine else { return text[0..<0] }
        return lines(of: text).dropFirst(line - firstLine).first ?? text[0..<0]
    }

    private static func lines(of text: UnsafeBufferPointer<UInt8>) -> [Slice<UnsafeBufferPointer<UInt8>>] {
        text.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
    }
}
