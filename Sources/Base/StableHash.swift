/// A hash that is the same in every run and on every machine, which Swift's own is not.
public enum StableHash {
    /// FNV-1a with a final mix, since its low bits alone follow the last characters too closely.
    public static func of(_ text: String) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for byte in text.utf8 {
            hash = (hash ^ UInt64(byte)) &* 0x100_0000_01B3
        }
        hash ^= hash >> 33
        return hash &* 0xFF51_AFD7_ED55_8CCD >> 16
    }
}
