internal import Glibc

/// An endless stream of bytes determined by its seed, of which gigabytes can be sent and verified without storing them.
///
/// The stream repeats a block of 65,521 bytes: a prime, so that a relay that loses, repeats or swaps a buffer of any
/// usual size shifts the stream and is found out. The block is stored twice in a row, so that any offset has a
/// contiguous slice of a whole block to send from and to `memcmp` with: tests are debug builds, where a loop over bytes
/// would take ten seconds for each gigabyte.
public struct BytePattern: Sendable {
    static let period = 65_521

    public let seed: UInt64
    private let blocks: [UInt8]

    public init(seed: UInt64) {
        self.seed = seed
        var block: [UInt8] = []
        block.reserveCapacity(2 * Self.period)
        var state = seed
        while block.count < Self.period {
            // SplitMix64: well mixed for any seed, 0 included.
            state &+= 0x9E37_79B9_7F4A_7C15
            var word = state
            word = (word ^ (word >> 30)) &* 0xBF58_476D_1CE4_E5B9
            word = (word ^ (word >> 27)) &* 0x94D0_49BB_1331_11EB
            word ^= word >> 31
            withUnsafeBytes(of: word.littleEndian) { block.append(contentsOf: $0) }
        }
        block.removeLast(block.count - Self.period)
        blocks = block + block
    }

    /// Calls `body` with at most `count` bytes of the stream from `offset` on (fewer at the end of a block).
    func withBytes<Result, Failure: Error>(
        at offset: Int, count: Int, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        let start = offset % Self.period
        let length = min(count, Self.period)
        // `withUnsafeBytes` of Array is untyped in its error; the span is not.
        return try blocks.span.bytes.extracting(start..<start + length).withUnsafeBytes(body)
    }

    /// The first `count` bytes, for tests small enough to hold them.
    public func prefix(_ count: Int) -> [UInt8] {
        (0..<count).map { blocks[$0 % Self.period] }
    }

    /// The offset of the first byte of `bytes` (which arrived at `offset` of the stream) that is not as it should be.
    func firstMismatch(in bytes: UnsafeRawBufferPointer, at offset: Int) -> Int? {
        var done = 0
        while done < bytes.count {
            let left = UnsafeRawBufferPointer(rebasing: bytes[done...])
            let (compared, equal) = withBytes(at: offset + done, count: left.count) { expected in
                guard let a = expected.baseAddress, let b = left.baseAddress else { return (left.count, true) }
                return (expected.count, memcmp(a, b, expected.count) == 0)
            }
            if !equal {
                // Rare, and then worth the slow loop: the test wants to say where.
                for index in done..<done + compared
                where bytes[index] != blocks[(offset + index) % Self.period] {
                    return offset + index
                }
            }
            done += compared
        }
        return nil
    }
}
