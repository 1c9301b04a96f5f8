import Documents
import Testing

/// As much of JSON Schema as `docs/events.schema.json` uses.
struct EventSchema {
    private let tree: DocumentTree
    private let definitions: Int
    /// What is not one of these would be passed over.
    private static let rules: Set = [
        "$ref", "oneOf", "const", "enum", "type", "minimum", "items", "required", "properties", "additionalProperties",
        "description",
    ]

    /// The one in the documents of the project.
    init() throws {
        tree = try DocumentTree.read(Array(projectFile("docs/events.schema.json").utf8))
        let root = try #require(tree.root)
        definitions = try #require(Self.value("$defs", of: root, in: tree))
    }

    /// Why a line is not what `definition` says; nil if it is.
    func mistake(in line: some StringProtocol, _ definition: String) throws -> String? {
        let document = try DocumentTree.read(Array(line.utf8))
        let root = try #require(document.root)
        let schema = try #require(Self.value(definition, of: definitions, in: tree), "there is no \(definition)")
        return mistake(root, document, schema, "$")
    }

    private func mistake(_ node: Int, _ document: DocumentTree, _ schema: Int, _ path: String) -> String? {
        func rule(_ name: String) -> Int? { Self.value(name, of: schema, in: tree) }
        func texts(_ list: Int) -> [String] { tree.elements(of: list).map { tree.string($0) } }
        let text = document.string(node)
        for key in tree.keys(of: schema) where !Self.rules.contains(tree.string(key)) {
            return "\(path): what \(tree.string(key)) means is not known here"
        }
        if let reference = rule("$ref") {
            let name = tree.string(reference).split(separator: "/").last.map(String.init) ?? ""
            guard let target = Self.value(name, of: definitions, in: tree) else { return "\(path): no \(name)" }
            return mistake(node, document, target, path)
        }
        if let choices = rule("oneOf") {
            let mistakes = tree.elements(of: choices).map { mistake(node, document, $0, path) }
            if mistakes.count(where: { $0 == nil }) == 1 { return nil }
            return "\(path): \(mistakes.compactMap(\.self).joined(separator: "; "))"
        }
        if let constant = rule("const"), tree.string(constant) != text {
            return "\(path): not \(tree.string(constant))"
        }
        if let choices = rule("enum"), !texts(choices).contains(text) {
            return "\(path): \(text) is none of the values"
        }
        if let type = rule("type") {
            let wanted = tree.nodes[type].kind == .sequence ? texts(type) : [tree.string(type)]
            guard wanted.contains(Self.type(of: document.nodes[node].kind)) else { return "\(path): not \(wanted)" }
        }
        if let minimum = rule("minimum"), let least = Double(tree.string(minimum)), let number = Double(text),
            number < least
        {
            return "\(path): \(text) is less than \(tree.string(minimum))"
        }
        if let items = rule("items"), document.nodes[node].kind == .sequence {
            for element in document.elements(of: node) {
                if let mistake = mistake(element, document, items, path + "[]") { return mistake }
            }
        }
        guard document.nodes[node].kind == .mapping else { return nil }
        let keys = document.keys(of: node).map { document.string($0) }
        for name in rule("required").map(texts) ?? [] where !keys.contains(name) {
            return "\(path): \(name) is missing"
        }
        for key in document.keys(of: node) {
            let name = document.string(key)
            if let property = rule("properties").flatMap({ Self.value(name, of: $0, in: tree) }) {
                if let mistake = mistake(key + 1, document, property, "\(path).\(name)") { return mistake }
            } else if let more = rule("additionalProperties") {
                guard tree.nodes[more].kind == .mapping else { return "\(path): \(name) is not described" }
                if let mistake = mistake(key + 1, document, more, "\(path).\(name)") { return mistake }
            }
        }
        return nil
    }

    private static func value(_ key: String, of mapping: Int, in tree: DocumentTree) -> Int? {
        guard tree.nodes[mapping].kind == .mapping else { return nil }
        return tree.keys(of: mapping).first { tree.string($0) == key }.map { $0 + 1 }
    }

    private static func type(of kind: DocumentTree.Kind) -> String {
        switch kind {
        case .mapping: "object"
        case .sequence: "array"
        case .null, .alias: "null"
        case .yes, .no: "boolean"
        case .integer: "integer"
        case .decimal: "number"
        case .text: "string"
        }
    }
}
