extension DocumentTree {
    /// A node and all that it contains as JSON on one line, with aliases and merge keys followed.
    ///
    /// - Parameter bytes: how long it may be; a few lines of aliases can stand for more than there is memory for.
    /// - Returns: nil if it would be longer, or deeper than a document may be.
    public func json(of node: Int, atMost bytes: Int) -> String? {
        var writer = JSONWriter(tree: self, most: bytes)
        return writer.write(resolve(node), depth: 0) ? writer.text : nil
    }
}

private struct JSONWriter {
    let tree: DocumentTree
    let most: Int
    var text = ""

    /// - Returns: whether there was room.
    mutating func write(_ node: Int, depth: Int) -> Bool {
        // Aliases within aliases go deeper than the text itself may.
        guard text.utf8.count <= most, depth <= DocumentTree.maximumDepth else { return false }
        switch tree.nodes[node].kind {
        case .mapping:
            text += "{"
            for (position, key) in tree.allKeys(of: node).enumerated() {
                text += (position == 0 ? "" : ",") + JSONText.quoted(tree.string(key)) + ":"
                guard write(tree.resolve(tree.after(key)), depth: depth + 1) else { return false }
            }
            text += "}"
        case .sequence:
            text += "["
            for (position, element) in tree.elements(of: node).enumerated() {
                if position > 0 { text += "," }
                guard write(tree.resolve(element), depth: depth + 1) else { return false }
            }
            text += "]"
        case .alias, .null: text += "null"
        case .yes: text += "true"
        case .no: text += "false"
        // YAML writes numbers in more ways than JSON.
        case .integer: text += tree.integer(node).map { "\($0)" } ?? "null"
        case .decimal:
            let value = Double(tree.string(node)) ?? .nan
            text += value.isFinite ? "\(value)" : "null"
        case .text: text += JSONText.quoted(tree.string(node))
        }
        return text.utf8.count <= most
    }
}

public enum JSONText {
    /// A text as a string of JSON, with its quotation marks.
    public static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"", "\\": result += "\\\(scalar)"
            case "\n": result += "\\n"
            case _ where scalar.value < 0x20:
                let digits = String(scalar.value, radix: 16)
                result += "\\u" + String(repeating: "0", count: 4 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
