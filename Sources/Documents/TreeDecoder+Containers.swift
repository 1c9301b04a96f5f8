/// The fields of a mapping.
struct KeyedTreeContainer<Key: CodingKey>: KeyedDecodingContainerProtocol {
    let decoder: TreeDecoder

    var codingPath: [any CodingKey] { decoder.codingPath }
    var allKeys: [Key] { decoder.document.keyNames(of: decoder.node).compactMap(Key.init(stringValue:)) }

    /// Nil if the field is missing.
    private func field(_ key: Key) -> TreeDecoder? {
        decoder.document.value(of: key.stringValue, in: decoder.node).map(decoder.descend)
    }

    /// Nil if the field is missing or null. One look-up where the default implementations would need three.
    private func present(_ key: Key) -> TreeDecoder? {
        field(key).flatMap { $0.decodeNil() ? nil : $0 }
    }

    private func required(_ key: Key) throws -> TreeDecoder {
        guard let field = field(key) else {
            throw DecodingError.keyNotFound(key, .init(codingPath: codingPath, debugDescription: "missing"))
        }
        return field
    }

    func contains(_ key: Key) -> Bool { field(key) != nil }
    func decodeNil(forKey key: Key) throws -> Bool { field(key)?.decodeNil() ?? true }
    func decode<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T { try T(from: required(key)) }
    func decode(_ type: Bool.Type, forKey key: Key) throws -> Bool { try required(key).decode(type) }
    func decode(_ type: String.Type, forKey key: Key) throws -> String { try required(key).decode(type) }
    func decode(_ type: Int.Type, forKey key: Key) throws -> Int { try required(key).decode(type) }
    func decode(_ type: Double.Type, forKey key: Key) throws -> Double { try required(key).decode(type) }

    func decodeIfPresent<T: Decodable>(_ type: T.Type, forKey key: Key) throws -> T? { try present(key).map(T.init) }
    func decodeIfPresent(_ type: Bool.Type, forKey key: Key) throws -> Bool? { try present(key)?.decode(type) }
    func decodeIfPresent(_ type: String.Type, forKey key: Key) throws -> String? { try present(key)?.decode(type) }
    func decodeIfPresent(_ type: Int.Type, forKey key: Key) throws -> Int? { try present(key)?.decode(type) }

    func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type, forKey key: Key
    ) throws -> KeyedDecodingContainer<Nested> {
        try required(key).container(keyedBy: type)
    }

    func nestedUnkeyedContainer(forKey key: Key) throws -> any UnkeyedDecodingContainer {
        try required(key).unkeyedContainer()
    }

    // Only classes with an encoded superclass use these; there are none.
    func superDecoder() throws -> any Decoder { decoder }
    func superDecoder(forKey key: Key) throws -> any Decoder { try required(key) }
}

/// The elements of a sequence.
struct UnkeyedTreeContainer: UnkeyedDecodingContainer {
    let decoder: TreeDecoder
    private var next: Int
    private let end: Int
    private(set) var currentIndex = 0

    init(decoder: TreeDecoder) {
        self.decoder = decoder
        next = decoder.node + 1
        end = decoder.document.tree.after(decoder.node)
        skipLeftOut()
    }

    var codingPath: [any CodingKey] { decoder.codingPath }
    var count: Int? { Int(decoder.document.tree.nodes[decoder.node].count) }
    var isAtEnd: Bool { next >= end }

    private func current() throws -> TreeDecoder {
        guard !isAtEnd else {
            let path = codingPath + [PathKey(.index(currentIndex))]
            throw DecodingError.valueNotFound(String.self, .init(codingPath: path, debugDescription: "missing"))
        }
        return decoder.descend(to: decoder.document.element(next))
    }

    private mutating func advance() {
        next = decoder.document.tree.after(next)
        currentIndex += 1
        skipLeftOut()
    }

    private mutating func skipLeftOut() {
        while next < end, decoder.document.isLeftOut(next) { next = decoder.document.tree.after(next) }
    }

    mutating func decodeNil() throws -> Bool {
        let isNull = try current().decodeNil()
        if isNull { advance() }
        return isNull
    }

    mutating func decode<T: Decodable>(_ type: T.Type) throws -> T {
        let value = try T(from: current())
        advance()
        return value
    }

    mutating func nestedContainer<Nested: CodingKey>(
        keyedBy type: Nested.Type
    ) throws -> KeyedDecodingContainer<Nested> {
        let container = try current().container(keyedBy: type)
        advance()
        return container
    }

    mutating func nestedUnkeyedContainer() throws -> any UnkeyedDecodingContainer {
        let container = try current().unkeyedContainer()
        advance()
        return container
    }

    mutating func superDecoder() throws -> any Decoder {
        let element = try current()
        advance()
        return element
    }
}
