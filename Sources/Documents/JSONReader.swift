/// Who takes the elements of a list one by one while it is read: the tree of a whole cluster's list would be many times
/// as large as what is made of it.
public protocol JSONListItems: AnyObject {
    /// - Parameters:
    ///   - list: what has been read of the list.
    ///   - end: where the element ends in the text; nothing before it is read again.
    func take(_ item: DocumentTree, at index: Int, of list: DocumentTree, end: Int)
}

/// Reads JSON documents into trees.
///
/// Own code, because errors need lines, which no JSON decoder for Swift keeps; because one decoder for both forms makes
/// them mean the same; and because `kubectl get -A -o json` of a large cluster is a hundred megabytes, which this takes
/// no longer to read than Foundation's decoder does.
public struct JSONReader {
    private let text: UnsafeBufferPointer<UInt8>
    private var tree: DocumentTree
    private var position: Int
    private var line: Int
    /// Takes the elements of the document's list; nil if it has no part in it (any more).
    private var items: (any JSONListItems)?

    /// Reads the next document of `text` from `position` on, which is left behind it. The text is taken as a buffer, so
    /// that looking at a byte costs no more than that; it is not kept.
    ///
    /// - Parameter items: is given the elements of the field `items` one by one, if that is a list; the tree lacks them
    ///   then.
    /// - Returns: The tree, or nil if only white space is left.
    public static func readDocument(
        _ text: UnsafeBufferPointer<UInt8>, position: inout Int, line: inout Int, items: (any JSONListItems)? = nil
    ) throws(SyntaxError) -> DocumentTree? {
        var reader = JSONReader(text: text, position: position, line: line, items: items)
        reader.skipSpace()
        guard reader.position < text.count else { return nil }
        try reader.value(depth: 0)
        reader.skipSpace()
        (position, line) = (reader.position, reader.line)
        return reader.tree
    }

    private init(text: UnsafeBufferPointer<UInt8>, position: Int, line: Int, items: (any JSONListItems)?) {
        self.text = text
        self.position = position
        self.line = line
        self.items = items
        // Of a list there is one element at a time, and of many documents in a row none is large.
        tree = DocumentTree(bytes: line == 1 && items == nil ? text.count : 0)
    }

    private var byte: UInt8? { position < text.count ? text[position] : nil }

    private mutating func skipSpace() {
        while position < text.count {
            switch text[position] {
            case 0x20, 0x09, 0x0D: position += 1
            case 0x0A:
                position += 1
                line += 1
            default: return
            }
        }
    }

    private mutating func value(depth: Int) throws(SyntaxError) {
        guard depth < DocumentTree.maximumDepth else {
            throw SyntaxError(line: line, message: "nested more than \(DocumentTree.maximumDepth) levels deep")
        }
        switch byte {
        case UInt8(ascii: "{"): try object(depth: depth)
        case UInt8(ascii: "["): try array(depth: depth)
        case UInt8(ascii: "\""): try string()
        case UInt8(ascii: "t"): try word("true", .yes)
        case UInt8(ascii: "f"): try word("false", .no)
        case UInt8(ascii: "n"): try word("null", .null)
        case .some(UInt8(ascii: "-")), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): try number()
        default: throw unexpected("a value")
        }
    }

    private mutating func object(depth: Int) throws(SyntaxError) {
        let node = tree.append(.mapping, line: line)
        var count = 0
        position += 1
        skipSpace()
        if byte == UInt8(ascii: "}") {
            position += 1
            return tree.close(node, count: 0)
        }
        while true {
            skipSpace()
            guard byte == UInt8(ascii: "\"") else { throw unexpected("a field name in quotes") }
            try string()
            let isItems = depth == 0 && items != nil && tree.lastBytes.elementsEqual("items".utf8)
            skipSpace()
            guard byte == UInt8(ascii: ":") else { throw unexpected("a colon") }
            position += 1
            skipSpace()
            if isItems, byte == UInt8(ascii: "[") { try takeItems() } else { try value(depth: depth + 1) }
            count += 2
            guard try separator(or: UInt8(ascii: "}")) else { return tree.close(node, count: count) }
        }
    }

    private mutating func array(depth: Int) throws(SyntaxError) {
        let node = tree.append(.sequence, line: line)
        let count = try elements { reader, _ throws(SyntaxError) in try reader.value(depth: depth + 1) }
        tree.close(node, count: count)
    }

    /// Reads the list of the field `items`, giving its elements away. Only the first field of that name counts.
    private mutating func takeItems() throws(SyntaxError) {
        guard let items else { return }
        self.items = nil
        let node = tree.append(.sequence, line: line)
        var list = tree
        // So that the fields before it can be read.
        list.close(0, count: 0)
        var size = 0
        let count = try elements { reader, index throws(SyntaxError) in
            let start = reader.position
            // As large as the one before is a good guess.
            reader.tree = DocumentTree(bytes: size)
            try reader.value(depth: 2)
            size = reader.position - start
            items.take(reader.tree, at: index, of: list, end: reader.position)
        }
        tree = list
        tree.close(node, count: count)
    }

    /// Reads a list, each element by `body`.
    ///
    /// - Returns: how many there are.
    private mutating func elements(
        _ body: (inout JSONReader, Int) throws(SyntaxError) -> Void
    ) throws(SyntaxError) -> Int {
        position += 1
        skipSpace()
        if byte == UInt8(ascii: "]") {
            position += 1
            return 0
        }
        var count = 0
        while true {
            skipSpace()
            try body(&self, count)
            count += 1
            guard try separator(or: UInt8(ascii: "]")) else { return count }
        }
    }

    /// Passes a comma (true) or the closing bracket (false).
    private mutating func separator(or closing: UInt8) throws(SyntaxError) -> Bool {
        skipSpace()
        guard byte == UInt8(ascii: ",") || byte == closing else {
            throw unexpected("a comma or \(Character(UnicodeScalar(closing)))")
        }
        position += 1
        return text[position - 1] == UInt8(ascii: ",")
    }

    private mutating func word(_ word: StaticString, _ kind: DocumentTree.Kind) throws(SyntaxError) {
        let end = position + word.utf8CodeUnitCount
        guard end <= text.count, word.withUTF8Buffer({ text[position..<end].elementsEqual($0) }) else {
            throw unexpected("a value")
        }
        _ = tree.appendScalar(kind, line: line, bytes: UnsafeBufferPointer(rebasing: text[position..<end]))
        position = end
    }

    private mutating func number() throws(SyntaxError) {
        let start = position
        var kind = DocumentTree.Kind.integer
        loop: while let byte {
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"): position += 1
            case UInt8(ascii: "."), UInt8(ascii: "e"), UInt8(ascii: "E"), UInt8(ascii: "+"):
                kind = .decimal
                position += 1
            default: break loop
            }
        }
        guard Self.isNumber(text[start..<position]) else {
            position = start
            throw unexpected("a number")
        }
        _ = tree.appendScalar(kind, line: line, bytes: UnsafeBufferPointer(rebasing: text[start..<position]))
    }

    /// Whether it is a number as RFC 8259 has it: no zero in front of others, and digits on both sides of a point.
    private static func isNumber(_ bytes: Slice<UnsafeBufferPointer<UInt8>>) -> Bool {
        var rest = bytes
        func skip(_ wanted: UInt8...) -> Bool {
            guard let next = rest.first, wanted.contains(next) else { return false }
            rest = rest.dropFirst()
            return true
        }
        func skipDigits() -> Bool {
            let others = rest.drop { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
            defer { rest = others }
            return others.count < rest.count
        }
        _ = skip(UInt8(ascii: "-"))
        guard skip(UInt8(ascii: "0")) || skipDigits() else { return false }
        if skip(UInt8(ascii: ".")), !skipDigits() { return false }
        if skip(UInt8(ascii: "e"), UInt8(ascii: "E")) {
            _ = skip(UInt8(ascii: "+"), UInt8(ascii: "-"))
            guard skipDigits() else { return false }
        }
        return rest.isEmpty
    }

    private mutating func string() throws(SyntaxError) {
        let start = position + 1
        position = start
        while position < text.count, !isStop(text[position]) { position += 1 }
        if byte == UInt8(ascii: "\"") {
            _ = tree.appendScalar(.text, line: line, bytes: UnsafeBufferPointer(rebasing: text[start..<position]))
            position += 1
        } else {
            let bytes = try JSONEscapes.decode(text, from: start, position: &position, line: line)
            _ = tree.appendScalar(.text, line: line, bytes: bytes)
        }
    }

    /// What ends the plain part of a string: a quote, an escape, or a control character, which is not allowed.
    private func isStop(_ byte: UInt8) -> Bool {
        byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") || byte < 0x20
    }

    private func unexpected(_ expected: String) -> SyntaxError {
        guard let byte else {
            return SyntaxError(line: line, message: "not valid JSON: expected \(expected), found the end of the file")
        }
        let found = (0x21..<0x7F).contains(byte) ? "\(Character(UnicodeScalar(byte)))" : "byte \(byte)"
        return SyntaxError(line: line, message: "not valid JSON: expected \(expected), found \(found)")
    }
}
