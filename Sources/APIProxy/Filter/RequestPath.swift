/// The target of a request, as it came and as it is meant.
public struct RequestPath: Hashable, Sendable {
    /// With a slash in front, as it came; what may not stand in a path was encoded.
    public let encoded: String
    /// With the question mark; empty for none.
    public let query: String
    /// With `%41` as `A`.
    public let decoded: String

    /// - Returns: nil for what is no path below this server: an incomplete `%`, a fragment, characters that HTTP has no
    ///   place for, `*`. An absolute URL counts by its path.
    public init?(target: String) {
        var target = target[...]
        if let start = target.firstRange(of: "://")?.upperBound, target.first != "/" {
            target = target[start...].drop { $0 != "/" && $0 != "?" }
            if target.first != "/" { target = "/" + target }
        }
        guard target.first == "/", !target.utf8.contains(where: { $0 <= 0x20 || $0 == 0x7F || $0 == UInt8(ascii: "#") })
        else { return nil }
        // By bytes: to a Character belongs all that combines with it.
        let path = target[..<(target.utf8.firstIndex(of: UInt8(ascii: "?")) ?? target.endIndex)]
        guard let decoded = Self.decoded(path) else { return nil }
        encoded = Self.encoded(path)
        query = Self.encoded(target[path.endIndex...])
        self.decoded = decoded
    }

    public var target: String { encoded + query }

    /// Without `//`, `/./` and `/../`, as Go's mux has it: whoever sent another is told to come again.
    public var cleaned: String { Self.cleaned(encoded) }

    /// For those who look whether a path is allowed: what it could lead to.
    var decodedAndCleaned: String { Self.cleaned(decoded) }

    private static func cleaned(_ path: String) -> String {
        var parts: [Substring] = []
        for part in path.split(separator: "/") {
            switch part {
            case ".": break
            case "..": _ = parts.popLast()
            default: parts.append(part)
            }
        }
        let cleaned = "/" + parts.joined(separator: "/")
        return path.last == "/" && cleaned != "/" ? cleaned + "/" : cleaned
    }

    private static func decoded(_ text: Substring) -> String? {
        var bytes: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            guard byte == UInt8(ascii: "%") else {
                bytes.append(byte)
                continue
            }
            guard rest.count >= 2, let high = Character(Unicode.Scalar(rest.removeFirst())).hexDigitValue,
                let low = Character(Unicode.Scalar(rest.removeFirst())).hexDigitValue
            else { return nil }
            bytes.append(UInt8(high << 4 | low))
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// What clients send without being allowed to, and what the next library would stumble over.
    private static func encoded(_ text: Substring) -> String {
        guard text.utf8.contains(where: { !isAllowed($0) }) else { return String(text) }
        let digits = Array("0123456789ABCDEF".utf8)
        var bytes: [UInt8] = []
        for byte in text.utf8 {
            if isAllowed(byte) {
                bytes.append(byte)
            } else {
                bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    private static func isAllowed(_ byte: UInt8) -> Bool {
        byte > 0x20 && byte < 0x7F && !"\"<>\\^`{|}[]".utf8.contains(byte)
    }
}
