/// Base64 as it is in books, so that nobody's own is tested with itself.
func base64(_ bytes: [UInt8]) -> String {
    let digits = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    var (text, rest) = ("", bytes[...])
    while !rest.isEmpty {
        let group = rest.prefix(3)
        let value = (Array(group) + [0, 0]).prefix(3).reduce(0) { $0 << 8 | Int($1) }
        let part = (0..<4).map { digits[(value >> (18 - 6 * $0)) & 63] }
        text += String(part.prefix(group.count + 1)) + String(repeating: "=", count: 3 - group.count)
        rest = rest.dropFirst(3)
    }
    return text
}

/// SHA-1 as it is in FIPS 180-4, for the handshake of a WebSocket.
func sha1(_ message: [UInt8]) -> [UInt8] {
    var hash: [UInt32] = [0x6745_2301, 0xEFCD_AB89, 0x98BA_DCFE, 0x1032_5476, 0xC3D2_E1F0]
    let length = UInt64(message.count * 8)
    let padding = [UInt8](repeating: 0, count: (119 - message.count % 64) % 64)
    let padded = message + [0x80] + padding + (0..<8).map { UInt8(truncatingIfNeeded: length >> (56 - 8 * $0)) }
    func turned(_ word: UInt32, _ count: UInt32) -> UInt32 { word << count | word >> (32 - count) }
    for start in stride(from: 0, to: padded.count, by: 64) {
        var words = (0..<16).map { index in
            padded[(start + index * 4)..<(start + index * 4 + 4)].reduce(0) { $0 << 8 | UInt32($1) }
        }
        for index in 16..<80 {
            words.append(turned(words[index - 3] ^ words[index - 8] ^ words[index - 14] ^ words[index - 16], 1))
        }
        var (a, b, c, d, e) = (hash[0], hash[1], hash[2], hash[3], hash[4])
        for index in 0..<80 {
            let (mix, constant): (UInt32, UInt32) =
                switch index {
                case ..<20: (b & c | ~b & d, 0x5A82_7999)
                case ..<40: (b ^ c ^ d, 0x6ED9_EBA1)
                case ..<60: (b & c | b & d | c & d, 0x8F1B_BCDC)
                default: (b ^ c ^ d, 0xCA62_C1D6)
                }
            (a, b, c, d, e) = (turned(a, 5) &+ mix &+ e &+ constant &+ words[index], a, turned(b, 30), c, d)
        }
        hash = zip(hash, [a, b, c, d, e]).map { $0 &+ $1 }
    }
    return hash.flatMap { word in (0..<4).map { UInt8(truncatingIfNeeded: word >> (24 - 8 * $0)) } }
}
