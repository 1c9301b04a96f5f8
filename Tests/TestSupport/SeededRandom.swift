/// Random numbers that are the same in every run with the same seed: a failure can be looked at again.
public struct SeededRandom: RandomNumberGenerator, Sendable {
    private var state: UInt64

    public init(_ seed: UInt64) {
        // Neighbouring seeds shall have nothing in common.
        state = (seed &+ 1) &* 0xBF58_476D_1CE4_E5B9
    }

    /// A counter whose bits are mixed well.
    public mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var bits = state
        bits = (bits ^ bits >> 30) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ bits >> 27) &* 0x94D0_49BB_1331_11EB
        return bits ^ bits >> 31
    }
}
