/// A key as a terminal sends it.
enum TopKey: Hashable, Sendable {
    case character(Character)
    case up, down, pageUp, pageDown, home, end
    case enter, escape, backspace

    /// What was typed, as it came in one piece. An escape alone is the key of that name.
    static func keys(in bytes: [UInt8]) -> [TopKey] {
        var keys: [TopKey] = []
        var rest = bytes[...]
        while let byte = rest.popFirst() {
            switch byte {
            case 0x1B:
                guard rest.first == UInt8(ascii: "[") || rest.first == UInt8(ascii: "O") else {
                    keys.append(.escape)
                    continue
                }
                rest = rest.dropFirst()
                let body = rest.prefix { !(0x40...0x7E).contains($0) }
                rest = rest.dropFirst(body.count)
                if let last = rest.popFirst(), let key = key(body, last) { keys.append(key) }
            case 0x0D, 0x0A: keys.append(.enter)
            case 0x7F, 0x08: keys.append(.backspace)
            case ..<0x20: continue
            case ..<0x80: keys.append(.character(Character(UnicodeScalar(byte))))
            default:
                // The rest of a character of several bytes.
                let tail = rest.prefix { $0 & 0xC0 == 0x80 }
                rest = rest.dropFirst(tail.count)
                if let character = String(decoding: [byte] + tail, as: UTF8.self).first {
                    keys.append(.character(character))
                }
            }
        }
        return keys
    }

    private static func key(_ body: ArraySlice<UInt8>, _ last: UInt8) -> TopKey? {
        switch (String(decoding: body, as: UTF8.self), Character(UnicodeScalar(last))) {
        case (_, "A"): .up
        case (_, "B"): .down
        case (_, "H"), ("1", "~"), ("7", "~"): .home
        case (_, "F"), ("4", "~"), ("8", "~"): .end
        case ("5", "~"): .pageUp
        case ("6", "~"): .pageDown
        default: nil
        }
    }
}
