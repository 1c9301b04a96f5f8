/// One header field of a request, as it was written.
struct HTTPField {
    let line: ArraySlice<UInt8>
    /// In lower case.
    let name: String
    let isMalformed: Bool
    private let value: String

    init(_ line: ArraySlice<UInt8>) {
        self.line = line
        let colon = line.firstIndex(of: 0x3A)
        let name = line[..<(colon ?? line.startIndex)]
        isMalformed = name.isEmpty || !name.allSatisfy { $0 > 0x20 && $0 < 0x7F } || line.contains(0x0D)
        self.name = String(decoding: name, as: UTF8.self).lowercased()
        let text = line[(colon.map { $0 + 1 } ?? line.endIndex)...]
        value = String(decoding: text.drop { $0 == 0x20 || $0 == 0x09 }, as: UTF8.self)
    }

    func isNamed(_ name: String) -> Bool { self.name == name }

    /// What a client has said to the proxy, and not to who is behind it (RFC 9110, 7.6.1). `Host` is there already.
    static func namesOfThisHop(_ fields: [HTTPField]) -> Set<String> {
        let fixed: Set = [
            "connection", "host", "keep-alive", "proxy-authorization", "proxy-connection", "te", "upgrade",
        ]
        let named = fields.filter { $0.isNamed("connection") }.flatMap { $0.value.split(separator: ",") }
        return fixed.union(named.map { $0.lowercased().filter { $0 != " " && $0 != "\t" } }).subtracting([
            // These say where the body ends, whatever is said of them.
            "content-length", "transfer-encoding",
        ])
    }

    /// `user:password`, if the value is that by the scheme Basic (RFC 7617).
    var basicCredentials: [UInt8]? {
        let parts = value.split(whereSeparator: { $0 == " " || $0 == "\t" })
        guard parts.count == 2, parts[0].lowercased() == "basic" else { return nil }
        return Self.decode(parts[1].utf8)
    }

    /// Base64 (RFC 4648, 4), of which no module here has any.
    private static func decode(_ text: Substring.UTF8View) -> [UInt8]? {
        var (bits, count): (UInt32, Int) = (0, 0)
        var bytes: [UInt8] = []
        for character in text.prefix(while: { $0 != 0x3D }) {
            let digit: UInt8
            switch character {
            case 0x41...0x5A: digit = character - 0x41
            case 0x61...0x7A: digit = character - 0x61 + 26
            case 0x30...0x39: digit = character - 0x30 + 52
            case 0x2B: digit = 62
            case 0x2F: digit = 63
            default: return nil
            }
            bits = bits << 6 | UInt32(digit)
            count += 6
            if count >= 8 {
                count -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> UInt32(count)))
            }
        }
        return bytes
    }
}
