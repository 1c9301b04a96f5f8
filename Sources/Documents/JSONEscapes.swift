/// Strings with escapes, which are rare in manifests: the annotation of `kubectl apply` is the usual one.
enum JSONEscapes {
    /// Reads a string from the byte after its opening quote to the one after its closing quote.
    ///
    /// - Parameters:
    ///   - start: Behind the opening quote.
    ///   - position: Left behind the closing quote.
    /// - Returns: The text without escapes, UTF-8.
    /// - Throws: For what JSON does not allow.
    static func decode(
        _ text: UnsafeBufferPointer<UInt8>, from start: Int, position: inout Int, line: Int
    ) throws(SyntaxError) -> [UInt8] {
        func invalid(_ what: String) -> SyntaxError {
            SyntaxError(line: line, message: "not valid JSON: \(what)")
        }
        var result: [UInt8] = []
        var index = start
        while index < text.count {
            switch text[index] {
            case UInt8(ascii: "\""):
                position = index + 1
                return result
            case UInt8(ascii: "\\"):
                guard index + 1 < text.count else { throw invalid("a string without end") }
                if text[index + 1] == UInt8(ascii: "u") {
                    guard let (scalar, length) = unicode(text, at: index) else {
                        throw invalid("a \\u escape that is no character")
                    }
                    result.append(contentsOf: Character(scalar).utf8)
                    index += length
                } else {
                    guard let byte = simple[text[index + 1]] else { throw invalid("an unknown escape in a string") }
                    result.append(byte)
                    index += 2
                }
            case 0..<0x20:
                throw invalid(text[index] == 0x0A ? "a line break in a string" : "a control character in a string")
            default:
                result.append(text[index])
                index += 1
            }
        }
        throw invalid("a string without end")
    }

    private static let simple: [UInt8: UInt8] = [
        UInt8(ascii: "\""): 0x22, UInt8(ascii: "\\"): 0x5C, UInt8(ascii: "/"): 0x2F, UInt8(ascii: "b"): 0x08,
        UInt8(ascii: "f"): 0x0C, UInt8(ascii: "n"): 0x0A, UInt8(ascii: "r"): 0x0D, UInt8(ascii: "t"): 0x09,
    ]

    /// `\u` and four hexadecimal digits, or two of these that make one character beyond the basic plane.
    private static func unicode(_ text: UnsafeBufferPointer<UInt8>, at index: Int) -> (Unicode.Scalar, length: Int)? {
        func unit(_ index: Int) -> UInt32? {
            guard index + 6 <= text.count, text[index] == UInt8(ascii: "\\"), text[index + 1] == UInt8(ascii: "u")
            else { return nil }
            let digits = text[(index + 2)..<(index + 6)]
            // Swift's own reading of numbers takes a sign as well.
            guard digits.allSatisfy({ Character(UnicodeScalar($0)).isHexDigit }) else { return nil }
            return UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
        }
        guard let first = unit(index) else { return nil }
        if let scalar = Unicode.Scalar(first) { return (scalar, 6) }
        // Half of a pair alone is no character. Go's encoder, which wrote most of these files, replaces it.
        guard (0xD800..<0xDC00).contains(first), let second = unit(index + 6), (0xDC00..<0xE000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { return ("\u{FFFD}", 6) }
        return (scalar, 12)
    }
}
