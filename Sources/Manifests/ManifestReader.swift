internal import Base
internal import Documents

/// Reads the bytes of a file into objects and problems.
struct ManifestReader {
    private let file: String
    private let inspects: Bool
    private let strings = StringCache()
    private var contents = FileContents()

    /// - Parameters:
    ///   - text: The whole file, which is given back as it is read.
    ///   - file: Its name for messages, and for its form: what ends with `.json` must be JSON. In other files, and on
    ///     standard input, JSON is told from YAML by how it begins.
    ///   - inspects: also says what is probably not as it was meant, and what an API server would not take.
    static func read(_ text: FileText, file: String, inspects: Bool = false) -> FileContents {
        read(text.bytes, file: file, inspects: inspects, spent: text)
    }

    /// The same for bytes that stay.
    static func read(_ bytes: [UInt8], file: String, inspects: Bool = false) -> FileContents {
        bytes.withUnsafeBufferPointer { read($0, file: file, inspects: inspects, spent: nil) }
    }

    /// - Parameter spent: whose bytes they are, to give back what has been read for the last time.
    private static func read(
        _ bytes: UnsafeBufferPointer<UInt8>, file: String, inspects: Bool, spent: FileText?
    ) -> FileContents {
        var reader = ManifestReader(file: file, inspects: inspects)
        guard bytes.count <= DocumentTree.maximumBytes else {
            reader.fail(line: nil, document: nil, message: "larger than 2 GiB")
            return reader.contents
        }
        // Editors on other systems put a byte order mark in front of UTF-8 text.
        let start = bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? 3 : 0
        if file.hasSuffix(".json") || looksLikeJSON(bytes[start...]) {
            // What may turn out to be YAML is read a second time.
            let isCertain = file.hasSuffix(".json")
            if reader.readJSON(bytes, from: start, isCertain: isCertain, spent: isCertain ? spent : nil) {
                return reader.contents
            }
            reader = ManifestReader(file: file, inspects: inspects)
        }
        reader.readYAML(bytes, from: start)
        return reader.contents
    }

    private init(file: String, inspects: Bool) {
        self.file = file
        self.inspects = inspects
    }

    /// An object whose first field is in quotes. YAML could begin so too; that is found out when JSON fails.
    private static func looksLikeJSON(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        var rest = bytes.drop { [0x20, 0x09, 0x0A, 0x0D].contains($0) }
        guard rest.popFirst() == UInt8(ascii: "{") else { return false }
        return rest.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: "\"")
    }

    /// - Returns: False if this is not JSON and need not be.
    private mutating func readJSON(
        _ bytes: UnsafeBufferPointer<UInt8>, from start: Int, isCertain: Bool, spent: FileText?
    ) -> Bool {
        var position = start
        var line = 1
        var count = 0
        do throws(SyntaxError) {
            while true {
                // That there are several shows at the second.
                let origin = origin(document: count == 0 ? nil : count + 1)
                let items = ListItems(origin, spent: spent)
                guard
                    let tree = try JSONReader.readDocument(
                        bytes, position: &position, line: &line, items: items)
                else { break }
                count += 1
                if count == 2 { contents.place(inDocument: 1) }
                var decoder = DocumentDecoder(tree, origin)
                decoder.decode(items: items)
                contents.add(decoder.contents)
            }
        } catch {
            guard isCertain else { return false }
            fail(line: error.line, document: nil, message: error.message)
        }
        return true
    }

    private mutating func readYAML(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) {
        let chunks = DocumentSplitter.split(bytes[start...])
        var templateLine: Int?
        for (index, chunk) in chunks.enumerated() {
            let document = chunks.count > 1 ? index + 1 : nil
            let range = (chunk.range.lowerBound + start)..<(chunk.range.upperBound + start)
            let text = UnsafeBufferPointer(rebasing: bytes[range])
            do throws(SyntaxError) {
                let tree = try YAMLReader.read(text, firstLine: chunk.firstLine)
                var decoder = DocumentDecoder(tree, origin(document: document))
                decoder.decode()
                var found = decoder.contents
                if !found.failures.isEmpty {
                    let lines = TextMistake.templateLines(in: text, firstLine: chunk.firstLine)
                    let isTemplate = found.removeFailures { lines.contains($0.line ?? 0) }
                    if isTemplate { templateLine = templateLine ?? lines.min() }
                }
                contents.add(found)
            } catch {
                let told = TextMistake.message(for: error, in: text, firstLine: chunk.firstLine)
                // A parser may see only behind the line that something is wrong. Braces elsewhere are none of its
                // business: rules for alerts have them in quotes.
                let suspects = TextMistake.templateLines(in: text, firstLine: chunk.firstLine)
                    .intersection([error.line - 1, error.line])
                if told == error, let line = suspects.min() {
                    templateLine = templateLine ?? line
                } else {
                    fail(line: told.line, document: document, message: told.message)
                }
            }
        }
        // Once, however many documents of the file are templates.
        if let templateLine { fail(line: templateLine, document: nil, message: TextMistake.template) }
    }

    private func origin(document: Int?) -> DocumentDecoder.Origin {
        DocumentDecoder.Origin(file: file, document: document, strings: strings, inspects: inspects)
    }

    private mutating func fail(line: Int?, document: Int?, message: String) {
        let problem = ManifestProblem(file: file, line: line, document: document, message: message)
        contents.add(FailedObject(problem: problem))
    }
}
