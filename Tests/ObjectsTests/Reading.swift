import Documents
import Objects
import Testing

// Objects from text, by the decoder that all sources use: hand-written YAML and the JSON of an API server alike.

/// The object that a text describes.
func read<T: Decodable>(_ type: T.Type = T.self, _ text: String) throws -> T {
    let tree = try DocumentTree.read(Array(text.utf8))
    return try T(from: TreeDecoder(document: .init(tree), node: try #require(tree.root)))
}

/// What the author of a text is told, as `2: spec.ports[0].port: expected …`; `nothing` if it is read.
func complaint<T: Decodable>(about type: T.Type, _ text: String) throws -> String {
    let tree = try DocumentTree.read(Array(text.utf8))
    do {
        _ = try T(from: TreeDecoder(document: .init(tree), node: try #require(tree.root)))
        return "nothing"
    } catch let error as DecodingError {
        let (line, message) = tree.explanation(of: error)
        return "\(line): \(error.path.map(PathStep.init).fieldPath): \(message)"
    }
}

/// What is told of a part that stands alone in line 1: no line, and no place in front of it.
func words<T: Decodable>(about type: T.Type, _ text: String) throws -> String {
    let complaint = try complaint(about: type, text)
    return complaint.hasPrefix("1: ") ? String(complaint.dropFirst(3)) : complaint
}
