/// Decodes a value from a node of a document.
///
/// A decoder is a tree and a number, so that going down costs nothing: the path, which other decoders extend at each
/// level, is worked out from the node when an error asks for it. It is strict about types, as an API server is:
/// `port: "80"` is no number, and `name: 80` no text.
public struct TreeDecoder: Decoder {
    public let document: Document
    public let node: Int

    public init(document: Document, node: Int) {
        self.document = document
        self.node = node
    }

    public var codingPath: [any CodingKey] { document.path(to: node).map(PathKey.init) }
    public var userInfo: [CodingUserInfoKey: Any] { [:] }

    public func container<Key: CodingKey>(keyedBy type: Key.Type) throws -> KeyedDecodingContainer<Key> {
        guard document.tree.nodes[node].kind == .mapping else { throw mismatch([String: String].self) }
        try checkAliases()
        return KeyedDecodingContainer(KeyedTreeContainer<Key>(decoder: self))
    }

    public func unkeyedContainer() throws -> any UnkeyedDecodingContainer {
        guard document.tree.nodes[node].kind == .sequence else { throw mismatch([String].self) }
        try checkAliases()
        return UnkeyedTreeContainer(decoder: self)
    }

    public func singleValueContainer() throws -> any SingleValueDecodingContainer { self }

    func mismatch(_ type: Any.Type) -> DecodingError {
        .typeMismatch(
            type, .init(codingPath: codingPath, debugDescription: "found \(document.tree.description(of: node))"))
    }

    private func checkAliases() throws {
        guard document.hasTooManyAliases else { return }
        throw DecodingError.dataCorrupted(
            .init(
                codingPath: codingPath,
                debugDescription: "expected fewer aliases, found that they repeat most of the document many times"))
    }

    func descend(to node: Int) -> TreeDecoder { TreeDecoder(document: document, node: node) }
}

extension TreeDecoder: SingleValueDecodingContainer {
    public func decodeNil() -> Bool { document.tree.nodes[node].kind == .null }

    public func decode(_ type: Bool.Type) throws -> Bool {
        switch document.tree.nodes[node].kind {
        case .yes: return true
        case .no: return false
        default: throw mismatch(type)
        }
    }

    public func decode(_ type: String.Type) throws -> String {
        guard document.tree.nodes[node].kind == .text else { throw mismatch(type) }
        return document.string(node)
    }

    public func decode(_ type: Double.Type) throws -> Double {
        let kind = document.tree.nodes[node].kind
        guard kind == .decimal || kind == .integer, let value = Double(document.tree.string(node)) else {
            throw mismatch(type)
        }
        return value
    }

    public func decode(_ type: Float.Type) throws -> Float { Float(try decode(Double.self)) }

    private func integer<T: FixedWidthInteger>(_ type: T.Type) throws -> T {
        guard let value = document.tree.integer(node), let exact = T(exactly: value) else { throw mismatch(type) }
        return exact
    }

    public func decode(_ type: Int.Type) throws -> Int { try integer(type) }
    public func decode(_ type: Int8.Type) throws -> Int8 { try integer(type) }
    public func decode(_ type: Int16.Type) throws -> Int16 { try integer(type) }
    public func decode(_ type: Int32.Type) throws -> Int32 { try integer(type) }
    public func decode(_ type: Int64.Type) throws -> Int64 { try integer(type) }
    public func decode(_ type: UInt.Type) throws -> UInt { try integer(type) }
    public func decode(_ type: UInt8.Type) throws -> UInt8 { try integer(type) }
    public func decode(_ type: UInt16.Type) throws -> UInt16 { try integer(type) }
    public func decode(_ type: UInt32.Type) throws -> UInt32 { try integer(type) }
    public func decode(_ type: UInt64.Type) throws -> UInt64 { try integer(type) }

    public func decode<T: Decodable>(_ type: T.Type) throws -> T { try T(from: self) }
}
