/// Bytes that have arrived and were not used yet, taken by the line or by the count.
struct LineBuffer {
    private var bytes: [UInt8] = []
    /// Where the unused bytes begin.
    private var start = 0
    /// No line feed is before this: a line that comes byte by byte is looked at once, not once for every byte.
    private var searched = 0

    var count: Int { bytes.count - start }
    var isEmpty: Bool { count == 0 }
    var first: UInt8? { isEmpty ? nil : bytes[start] }

    mutating func append(_ more: UnsafeRawBufferPointer) {
        // Moved to the front here and not when bytes are taken: a hundred pipelined requests cost one move.
        if start > 0 {
            bytes.removeFirst(start)
            searched -= start
            start = 0
        }
        bytes.append(contentsOf: more)
    }

    /// The next line without its end, CR LF or LF; nil while there is none.
    mutating func takeLine() -> [UInt8]? {
        guard let feed = bytes[searched...].firstIndex(of: 0x0A) else {
            searched = bytes.count
            return nil
        }
        let end = feed > start && bytes[feed - 1] == 0x0D ? feed - 1 : feed
        let line = Array(bytes[start..<end])
        consume(to: feed + 1)
        return line
    }

    /// Exactly `count` bytes; nil while there are fewer.
    mutating func take(_ count: Int) -> [UInt8]? {
        guard self.count >= count else { return nil }
        let taken = Array(bytes[start..<start + count])
        consume(to: start + count)
        return taken
    }

    private mutating func consume(to index: Int) {
        start = index
        searched = index
        guard start == bytes.count else { return }
        // Empty: an idle connection holds no memory.
        self = LineBuffer()
    }
}
