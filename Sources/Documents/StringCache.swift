/// Gives equal texts one place in memory: the names of nodes, zones and labels stand in a file ten thousand times.
///
/// It remembers the last text of each hash and forgets the one before, so that texts that stand there only once do not
/// pile up.
public final class StringCache {
    private var texts = [String](repeating: "", count: 1024)

    public init() {}

    public func string(_ bytes: some Collection<UInt8>) -> String {
        bytes.withContiguousStorageIfAvailable(string) ?? String(decoding: bytes, as: UTF8.self)
    }

    private func string(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        // Shorter ones need no memory of their own, long ones are rarely the same.
        guard (16...256).contains(bytes.count) else { return String(decoding: bytes, as: UTF8.self) }
        var hash: UInt64 = 14_695_981_039_346_656_037
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 1_099_511_628_211 }
        let slot = Int(truncatingIfNeeded: hash >> 32) & (texts.count - 1)
        let known = texts[slot]
        if known.utf8.count == bytes.count, known.utf8.elementsEqual(bytes) { return known }
        let text = String(decoding: bytes, as: UTF8.self)
        texts[slot] = text
        return text
    }
}
