// Kubernetes objects arrive from hand-written files as often as from an API server, so a wrong value is reported the
// way its author would: by what was expected and what stands there instead. Every message made here begins with
// "expected " and ends with ", found …" where the value could be shown; a source that knows file and line puts them
// in front.
//
// `null` and an absent key mean the same everywhere: API servers print `"endpoints": null` for an empty list.

extension KeyedDecodingContainer {
    /// Text that may be absent.
    func text(_ key: Key) throws -> String? {
        do {
            return try decodeIfPresent(String.self, forKey: key)
        } catch DecodingError.typeMismatch {
            throw wrongValue(key, expected: "text")
        }
    }

    /// Text that must be there and must not be empty.
    func requiredText(_ key: Key) throws -> String {
        guard let text = try text(key), !text.isEmpty else { throw missing(key, expected: "text") }
        return text
    }

    /// `true` or `false`, or absent.
    func flag(_ key: Key) throws -> Bool? {
        do {
            return try decodeIfPresent(Bool.self, forKey: key)
        } catch DecodingError.typeMismatch {
            throw wrongValue(key, expected: "true or false")
        }
    }

    /// A whole number within `range`, or absent.
    func number(_ key: Key, in range: ClosedRange<Int>) throws -> Int? {
        let expected = "a number from \(range.lowerBound) to \(range.upperBound)"
        // A value that is too large for `Int`, or has a fraction, is data corruption to one decoder and a type mismatch
        // to another.
        guard let number = try? decodeIfPresent(Int.self, forKey: key) else {
            if (try? decodeNil(forKey: key)) ?? true { return nil }
            throw wrongValue(key, expected: expected)
        }
        guard range.contains(number) else { throw invalid(key, "expected \(expected), found \(number)") }
        return number
    }

    /// A port that may be absent. Zero is refused unless `zero` says that it means "none" here, as it does for node
    /// ports that the API server has yet to choose.
    func port(_ key: Key, zeroMeansNone zero: Bool = false) throws -> UInt16? {
        let lowest = zero ? 0 : 1
        guard let number = try number(key, in: lowest...65535), number > 0 else { return nil }
        return UInt16(number)
    }

    /// A port that must be there.
    func requiredPort(_ key: Key) throws -> UInt16 {
        guard let port = try port(key) else { throw missing(key, expected: "a number from 1 to 65535") }
        return port
    }

    /// One of the words of an enumeration, or absent. The empty text counts as absent, as it does for an API server.
    func choice<T: RawRepresentable & CaseIterable>(_ key: Key, of type: T.Type) throws -> T?
    where T.RawValue == String {
        guard let text = try text(key), !text.isEmpty else { return nil }
        if let value = T(rawValue: text) { return value }
        let words = T.allCases.map(\.rawValue)
        let expected =
            words.count > 1
            ? words.dropLast().joined(separator: ", ") + " or " + (words.last ?? "") : words.joined()
        throw invalid(key, "expected \(expected), found \"\(text)\"")
    }

    /// A list; absent and `null` are the empty list.
    func list<T: Decodable>(_ key: Key, of type: T.Type) throws -> [T] {
        try decodeIfPresent(ExactList<T>.self, forKey: key)?.elements ?? []
    }

    /// A map from text to text, such as labels.
    func textMap(_ key: Key) throws -> [String: String] {
        try decodeIfPresent([String: String].self, forKey: key) ?? [:]
    }

    func invalid(_ key: Key, _ message: String) -> DecodingError {
        .dataCorruptedError(forKey: key, in: self, debugDescription: message)
    }

    func missing(_ key: Key, expected: String) -> DecodingError {
        invalid(key, "expected \(expected), found \(scalar(key) ?? "nothing")")
    }

    private func wrongValue(_ key: Key, expected: String) -> DecodingError {
        guard let found = scalar(key) else { return invalid(key, "expected \(expected)") }
        return invalid(key, "expected \(expected), found \(found)")
    }

    /// The value as its author wrote it, as far as any decoder can tell.
    private func scalar(_ key: Key) -> String? {
        if let flag = try? decode(Bool.self, forKey: key) { return "\(flag)" }
        if let number = try? decode(Int.self, forKey: key) { return "\(number)" }
        if let number = try? decode(Double.self, forKey: key) { return "\(number)" }
        if let text = try? decode(String.self, forKey: key) { return "\"\(text)\"" }
        if (try? nestedUnkeyedContainer(forKey: key)) != nil { return "a list" }
        if (try? nestedContainer(keyedBy: Key.self, forKey: key)) != nil { return "an object" }
        return nil
    }
}

/// A list with room for no more elements than it has. Array's own decoding leaves half as much again for lists of
/// endpoints, which are most of what a cluster has.
private struct ExactList<Element: Decodable>: Decodable {
    var elements: [Element] = []

    init(from decoder: any Decoder) throws {
        var list = try decoder.unkeyedContainer()
        elements.reserveCapacity(list.count ?? 0)
        while !list.isAtEnd { elements.append(try list.decode(Element.self)) }
    }
}

extension DecodingError {
    /// What went wrong in words for people, without its place: `expected text`, `expected a list`.
    ///
    /// Messages of this module pass through as they are; those of a decoder ("Expected to decode Array<Any> but found a
    /// dictionary instead") are replaced, since they speak of Swift types that the author of a manifest never saw.
    public var expectation: String {
        switch self {
        case .typeMismatch(let type, _), .valueNotFound(let type, _): "expected \(Self.words(for: type))"
        case .keyNotFound(let key, _): "expected a field \(key.stringValue)"
        case .dataCorrupted(let context): context.debugDescription
        @unknown default: "expected another value"
        }
    }

    /// The place in the object: keys and list indices from the outermost one in.
    public var path: [any CodingKey] {
        switch self {
        case .typeMismatch(_, let context), .valueNotFound(_, let context), .keyNotFound(_, let context),
            .dataCorrupted(let context):
            context.codingPath
        @unknown default: []
        }
    }

    /// The place of what is wrong, also where that is a field that is missing.
    public var place: [any CodingKey] {
        if case .keyNotFound(let key, _) = self { path + [key] } else { path }
    }

    private static func words(for type: Any.Type) -> String {
        if type == String.self { return "text" }
        if type == Bool.self { return "true or false" }
        if type == Int.self || type == Double.self { return "a number" }
        // Decoders name containers by private types of their own, so only the shape of the name can be trusted.
        let name = "\(type)"
        if name.hasPrefix("Array") || name.contains("Unkeyed") || name.hasSuffix("Sequence") { return "a list" }
        return "an object"
    }
}
