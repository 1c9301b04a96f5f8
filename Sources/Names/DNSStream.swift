/// Cuts a stream of bytes into messages: over TCP each stands behind its length (RFC 1035 §4.2.2), and several may
/// come at once (RFC 7766 §6.2.1.1).
struct DNSStream {
    /// A question is far shorter; who announces more means something else.
    static let longestQuestion = 4096

    private var bytes: [UInt8] = []

    /// Nothing more can come of this stream: it announces what is too long, or shorter than a header.
    private(set) var isHopeless = false

    mutating func receive(_ more: some Collection<UInt8>) {
        bytes += more
    }

    /// The next message that is complete.
    mutating func next() -> [UInt8]? {
        guard !isHopeless, bytes.count >= 2 else { return nil }
        let length = Int(bytes[0]) << 8 | Int(bytes[1])
        guard (DNSHeader.length...Self.longestQuestion).contains(length) else {
            isHopeless = true
            return nil
        }
        guard bytes.count >= 2 + length else { return nil }
        defer { bytes.removeFirst(2 + length) }
        return Array(bytes[2..<2 + length])
    }

    /// `message` behind its length.
    static func framed(_ message: [UInt8]) -> [UInt8] {
        [UInt8(message.count >> 8 & 0xFF), UInt8(message.count & 0xFF)] + message
    }
}
