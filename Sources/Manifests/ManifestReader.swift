internal import Base

/// Reads the bytes of a file into objects and problems.
struct ManifestReader {
    private let file: String
    private var contents = FileContents()

    /// - Parameters:
    ///   - bytes: The whole file.
    ///   - file: Its name for messages, and for its form: what ends with `.json` must be JSON. In other files, and on
    ///     standard input, JSON is told from YAML by how it begins.
    static func read(_ bytes: [UInt8], file: String) -> FileContents {
        var reader = ManifestReader(file: file)
        guard bytes.count <= DocumentTree.maximumBytes else {
            reader.fail(nil, line: nil, document: nil, message: "larger than 2 GiB")
            return reader.contents
        }
        // Editors on other systems put a byte order mark in front of UTF-8 text.
        let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        if file.hasSuffix(".json") || looksLikeJSON(bytes[start...]) {
            if reader.readJSON(bytes, from: start, isCertain: file.hasSuffix(".json")) { return reader.contents }
            reader = ManifestReader(file: file)
        }
        reader.readYAML(bytes, from: start)
        return reader.contents
    }

    private init(file: String) { self.file = file }

    /// An object whose first field is in quotes. YAML could begin so too; that is found out when JSON fails.
    private static func looksLikeJSON(_ bytes: ArraySlice<UInt8>) -> Bool {
        var rest = bytes.drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
        guard rest.popFirst() == UInt8(ascii: "{") else { return false }
        return rest.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: "\"")
    }

    /// - Returns: False if this is not JSON and need not be.
    private mutating func readJSON(_ bytes: [UInt8], from start: Int, isCertain: Bool) -> Bool {
        var position = start
        var line = 1
        var trees: [DocumentTree] = []
        do throws(SyntaxError) {
            try bytes.withUnsafeBufferPointer { bytes throws(SyntaxError) in
                while let tree = try JSONReader.readDocument(bytes, position: &position, line: &line) {
                    trees.append(tree)
                }
            }
        } catch {
            guard isCertain else { return false }
            fail(nil, line: error.line, document: nil, message: error.message)
        }
        for (index, tree) in trees.enumerated() {
            take(tree, document: trees.count > 1 ? index + 1 : nil)
        }
        return true
    }

    private mutating func readYAML(_ bytes: [UInt8], from start: Int) {
        let chunks = DocumentSplitter.split(bytes[start...])
        for (index, chunk) in chunks.enumerated() {
            let document = chunks.count > 1 ? index + 1 : nil
            let range = (chunk.range.lowerBound + start)..<(chunk.range.upperBound + start)
            do throws(SyntaxError) {
                let tree = try bytes.withUnsafeBufferPointer { bytes throws(SyntaxError) in
                    try YAMLReader.read(UnsafeBufferPointer(rebasing: bytes[range]), firstLine: chunk.firstLine)
                }
                take(tree, document: document)
            } catch {
                fail(nil, line: error.line, document: document, message: error.message)
            }
        }
    }

    private mutating func take(_ tree: DocumentTree, document: Int?) {
        var decoder = DocumentDecoder(tree: tree, file: file, document: document)
        decoder.decode()
        contents.objects += decoder.contents.objects
        contents.failures += decoder.contents.failures
        contents.skipped.merge(decoder.contents.skipped, uniquingKeysWith: +)
    }

    private mutating func fail(_ identity: ObjectIdentity?, line: Int?, document: Int?, message: String) {
        let problem = ManifestProblem(file: file, line: line, document: document, message: message)
        contents.failures.append(FailedObject(identity: identity, problem: problem))
    }
}
