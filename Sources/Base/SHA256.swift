/// The hash function SHA-256 (FIPS 180-4), for the names that kube-proxy gives its chains.
///
/// Of our own, since the library that has it would add several megabytes to a program that keeps no secret by it.
public enum SHA256 {
    /// The digest, of 32 bytes.
    public static func hash(_ text: some StringProtocol) -> [UInt8] { hash(Array(text.utf8)) }

    /// The digest, of 32 bytes.
    public static func hash(_ message: [UInt8]) -> [UInt8] {
        var state = initial
        var padded = message + [0x80]
        padded += [UInt8](repeating: 0, count: (120 - padded.count % 64) % 64)
        padded += UInt64(message.count * 8).bigEndianBytes
        var words = [UInt32](repeating: 0, count: 64)
        for block in stride(from: 0, to: padded.count, by: 64) {
            for index in 0..<16 {
                words[index] = padded[block + index * 4..<block + index * 4 + 4].reduce(0) { $0 << 8 | UInt32($1) }
            }
            for index in 16..<64 {
                let (a, b) = (words[index - 15], words[index - 2])
                let s0 = a.rotated(7) ^ a.rotated(18) ^ (a >> 3)
                let s1 = b.rotated(17) ^ b.rotated(19) ^ (b >> 10)
                words[index] = words[index - 16] &+ s0 &+ words[index - 7] &+ s1
            }
            compress(words, into: &state)
        }
        return state.flatMap(\.bigEndianBytes)
    }

    private static func compress(_ words: [UInt32], into state: inout [UInt32]) {
        var (a, b, c, d) = (state[0], state[1], state[2], state[3])
        var (e, f, g, h) = (state[4], state[5], state[6], state[7])
        for (word, constant) in zip(words, constants) {
            let s1 = e.rotated(6) ^ e.rotated(11) ^ e.rotated(25)
            let first = h &+ s1 &+ ((e & f) ^ (~e & g)) &+ constant &+ word
            let s0 = a.rotated(2) ^ a.rotated(13) ^ a.rotated(22)
            let second = s0 &+ ((a & b) ^ (a & c) ^ (b & c))
            (h, g, f, e, d, c, b, a) = (g, f, e, d &+ first, c, b, a, first &+ second)
        }
        for (index, value) in [a, b, c, d, e, f, g, h].enumerated() { state[index] &+= value }
    }

    /// The first 32 bits of the fractions of the square roots of the first eight primes.
    private static let initial: [UInt32] = primes.prefix(8).map { fraction(of: Double($0).squareRoot()) }

    /// The same of the cube roots of the first 64.
    private static let constants: [UInt32] = primes.map { prime in
        // By Newton's method: the standard library has no cube root. It is exact in its first 32 bits behind the point.
        var root = Double(prime) / 3
        for _ in 0..<64 { root = (2 * root + Double(prime) / (root * root)) / 3 }
        return fraction(of: root)
    }

    private static func fraction(of number: Double) -> UInt32 {
        UInt32((number - number.rounded(.down)) * 4_294_967_296)
    }

    private static let primes: [Int] = (2..<312).filter { number in
        (2..<number).allSatisfy { number % $0 != 0 }
    }
}

extension FixedWidthInteger {
    fileprivate var bigEndianBytes: [UInt8] {
        stride(from: bitWidth - 8, through: 0, by: -8).map { UInt8(truncatingIfNeeded: self >> Self($0)) }
    }
}

extension UInt32 {
    fileprivate func rotated(_ bits: UInt32) -> UInt32 { self >> bits | self << (32 - bits) }
}
