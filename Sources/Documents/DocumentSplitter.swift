/// Where one YAML document stands in its file.
public struct DocumentChunk: Hashable {
    /// In bytes.
    public var range: Range<Int>
    /// In the file, 1 for the first.
    public var firstLine: Int
}

/// Cuts a YAML file at its document markers.
///
/// A YAML parser stops at its first error and takes the documents behind it down as well. Markers can be found without
/// parsing: YAML allows `---` and `...` at the start of a line nowhere else, not even within quotes or block text.
public enum DocumentSplitter {
    /// - Returns: The documents that have content, in order. A marker belongs to the document that it begins, since
    ///   content may follow it on its line.
    public static func split(_ text: some RandomAccessCollection<UInt8>) -> [DocumentChunk] {
        text.withContiguousStorageIfAvailable { split($0) } ?? split(Array(text))
    }

    private static func split(_ text: UnsafeBufferPointer<UInt8>) -> [DocumentChunk] {
        var chunks: [DocumentChunk] = []
        var start = 0
        var startLine = 1
        // What has been seen since `start`.
        var hasContent = false
        var hasDirective = false
        var line = 1
        var position = 0

        while position < text.count {
            let lineEnd = text[position...].firstIndex(of: UInt8(ascii: "\n")) ?? text.count
            let next = min(lineEnd + 1, text.count)
            if isMarker("---", text, position) {
                // Directives stand in front of the marker of the document that they are meant for.
                if hasContent || !hasDirective {
                    if hasContent { chunks.append(DocumentChunk(range: start..<position, firstLine: startLine)) }
                    (start, startLine) = (position, line)
                }
                hasContent = hasText(text[(position + 3)..<lineEnd])
                hasDirective = false
            } else if isMarker("...", text, position) {
                if hasContent { chunks.append(DocumentChunk(range: start..<position, firstLine: startLine)) }
                // Only a comment may follow on the line of this marker. Anything else is kept, for the parser to
                // complain.
                hasContent = hasText(text[(position + 3)..<lineEnd])
                (start, startLine) = hasContent ? (position + 3, line) : (next, line + 1)
                hasDirective = false
            } else if !hasContent, text[position] == UInt8(ascii: "%") {
                hasDirective = true
            } else if !hasContent {
                hasContent = hasText(text[position..<lineEnd])
            }
            position = next
            line += 1
        }
        if hasContent { chunks.append(DocumentChunk(range: start..<text.count, firstLine: startLine)) }
        return chunks
    }

    /// Whether a line begins with a marker that stands alone.
    private static func isMarker(_ marker: StaticString, _ text: UnsafeBufferPointer<UInt8>, _ position: Int) -> Bool {
        guard position + 3 <= text.count, marker.withUTF8Buffer({ text[position..<position + 3].elementsEqual($0) })
        else { return false }
        return position + 3 == text.count || [0x20, 0x09, 0x0A, 0x0D].contains(text[position + 3])
    }

    /// Whether a line has anything but white space and a comment.
    private static func hasText(_ line: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        let first = line.first { $0 != 0x20 && $0 != 0x09 && $0 != 0x0D }
        return first != nil && first != UInt8(ascii: "#")
    }
}
