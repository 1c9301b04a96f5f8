extension DocumentTree {
    /// Reads the first document of a small text, YAML or JSON, whatever its file is called.
    ///
    /// - Returns: an empty tree if there is none.
    public static func read(_ text: [UInt8]) throws(SyntaxError) -> DocumentTree {
        // Editors on other systems put a byte order mark in front of UTF-8 text.
        let text = text.starts(with: [0xEF, 0xBB, 0xBF]) ? text[3...] : text[...]
        guard looksLikeJSON(text) else { return try readYAML(text) }
        // YAML knows neither all escapes of JSON, nor tabs between its values.
        do throws(SyntaxError) {
            return try text.withUnsafeBufferPointer { text throws(SyntaxError) in try readJSON(text) }
        } catch {
            if let tree = try? readYAML(text) { return tree }
            throw error
        }
    }

    /// An object whose first field is in quotes. YAML could begin so too.
    private static func looksLikeJSON(_ text: ArraySlice<UInt8>) -> Bool {
        var rest = text.drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
        guard rest.popFirst() == UInt8(ascii: "{") else { return false }
        return rest.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: "\"")
    }

    private static func readJSON(_ text: UnsafeBufferPointer<UInt8>) throws(SyntaxError) -> DocumentTree {
        var (position, line) = (0, 1)
        return try JSONReader.readDocument(text, position: &position, line: &line) ?? DocumentTree(bytes: 0)
    }

    private static func readYAML(_ text: ArraySlice<UInt8>) throws(SyntaxError) -> DocumentTree {
        guard let first = DocumentSplitter.split(text).first else { return DocumentTree(bytes: 0) }
        let range = first.range.lowerBound + text.startIndex..<first.range.upperBound + text.startIndex
        return try text[range].withUnsafeBufferPointer { text throws(SyntaxError) in
            try YAMLReader.read(text, firstLine: first.firstLine)
        }
    }
}
