// From the events of libyaml. A tree of objects, as other readers make it, takes several for each scalar and most of
// the time.
private import CYaml

/// Text that is not in the form it should have.
public struct SyntaxError: Error, Hashable {
    /// In the file, 1 for the first.
    public var line: Int
    public var message: String
}

/// Reads one YAML document into a tree.
public struct YAMLReader {
    private var tree: DocumentTree
    private var open: [(node: Int, children: Int)] = []
    private var anchors: [String: Int] = [:]
    /// Anchors of collections, which count once these are complete.
    private var pendingAnchors: [(node: Int, name: String)] = []
    private let firstLine: Int

    /// - Parameters:
    ///   - text: The document, UTF-8, without byte order mark.
    ///   - firstLine: The number of its first line in the file.
    /// - Returns: The tree; an empty one for a document without content.
    public static func read(_ text: UnsafeBufferPointer<UInt8>, firstLine: Int) throws(SyntaxError) -> DocumentTree {
        var reader = YAMLReader(tree: DocumentTree(bytes: text.count), firstLine: firstLine)
        try reader.run(text)
        return reader.tree
    }

    private init(tree: DocumentTree, firstLine: Int) {
        self.tree = tree
        self.firstLine = firstLine
    }

    private mutating func run(_ text: UnsafeBufferPointer<UInt8>) throws(SyntaxError) {
        var parser = yaml_parser_t()
        guard yaml_parser_initialize(&parser) == 1 else { throw SyntaxError(line: firstLine, message: "out of memory") }
        defer { yaml_parser_delete(&parser) }
        yaml_parser_set_encoding(&parser, YAML_UTF8_ENCODING)
        yaml_parser_set_input_string(&parser, text.baseAddress, text.count)
        while true {
            var event = yaml_event_t()
            guard yaml_parser_parse(&parser, &event) == 1 else { throw error(of: parser) }
            defer { yaml_event_delete(&event) }
            if event.type == YAML_STREAM_END_EVENT { return }
            try take(event)
        }
    }

    private mutating func take(_ event: yaml_event_t) throws(SyntaxError) {
        let line = firstLine + event.start_mark.line
        switch event.type {
        case YAML_MAPPING_START_EVENT:
            let node = try begin(.mapping, line: line)
            if let anchor = event.data.mapping_start.anchor { pendingAnchors.append((node, String(cString: anchor))) }
        case YAML_SEQUENCE_START_EVENT:
            let node = try begin(.sequence, line: line)
            if let anchor = event.data.sequence_start.anchor { pendingAnchors.append((node, String(cString: anchor))) }
        case YAML_MAPPING_END_EVENT, YAML_SEQUENCE_END_EVENT:
            finish()
        case YAML_SCALAR_EVENT:
            let scalar = event.data.scalar
            let bytes = UnsafeBufferPointer(start: scalar.value, count: scalar.length)
            let node = tree.appendScalar(kind(of: event, bytes: bytes), line: line, bytes: bytes)
            if let anchor = scalar.anchor { anchors[String(cString: anchor)] = node }
            countChild()
        case YAML_ALIAS_EVENT:
            let name = event.data.alias.anchor.map { String(cString: $0) } ?? ""
            guard let target = anchors[name] else {
                throw SyntaxError(line: line, message: "not valid YAML: alias *\(name) has no anchor before it")
            }
            tree.appendAlias(of: target, line: line)
            countChild()
        default:
            break
        }
    }

    private mutating func begin(_ kind: DocumentTree.Kind, line: Int) throws(SyntaxError) -> Int {
        guard open.count < DocumentTree.maximumDepth else {
            throw SyntaxError(line: line, message: "nested more than \(DocumentTree.maximumDepth) levels deep")
        }
        countChild()
        let node = tree.append(kind, line: line)
        open.append((node, 0))
        return node
    }

    private mutating func finish() {
        guard let (node, children) = open.popLast() else { return }
        tree.close(node, count: children)
        if pendingAnchors.last?.node == node, let (_, name) = pendingAnchors.popLast() { anchors[name] = node }
    }

    private mutating func countChild() {
        if !open.isEmpty { open[open.count - 1].children += 1 }
    }

    /// Quotes and the tag `!!str` make text of anything.
    private func kind(of event: yaml_event_t, bytes: UnsafeBufferPointer<UInt8>) -> DocumentTree.Kind {
        let scalar = event.data.scalar
        guard scalar.style == YAML_PLAIN_SCALAR_STYLE else { return .text }
        if let tag = scalar.tag, String(cString: tag) == "tag:yaml.org,2002:str" { return .text }
        return PlainScalar.kind(of: bytes)
    }

    private func error(of parser: yaml_parser_t) -> SyntaxError {
        let problem = parser.problem.map { String(cString: $0) } ?? "unknown error"
        if parser.error == YAML_READER_ERROR {
            // A reader error has an offset instead of a place; the place read last is close to it.
            return SyntaxError(line: firstLine + parser.mark.line, message: "not UTF-8 text: \(problem)")
        }
        var message = "not valid YAML: \(problem)"
        if let context = parser.context {
            message += " \(String(cString: context)) that begins in line \(firstLine + parser.context_mark.line)"
        }
        return SyntaxError(line: firstLine + parser.problem_mark.line, message: message)
    }
}
