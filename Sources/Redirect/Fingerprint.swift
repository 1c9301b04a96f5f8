internal import Base

/// How a family's tables looked when they were as they should be, by which it is seen at little cost that nobody has
/// touched them since.
struct Fingerprint: Hashable, Sendable {
    /// The count of others' transactions (``NftablesGeneration``); nil where there is none.
    var others: UInt32?
    /// Of the text of `iptables-save` (``text(_:)``); nil where that was not read since the last change.
    var text: Int?

    /// After a change of Portico's own.
    var changed: Fingerprint { Fingerprint(others: others) }

    /// A hash of all lines that are about Portico's and kube-proxy's chains, or lead to them. Times, counters, and the
    /// rules of others make no difference. It is another one in each process.
    static func text(_ saved: String) -> Int {
        var hasher = Hasher()
        var saved = saved
        saved.withUTF8 { text in
            var start = text.startIndex
            while start < text.endIndex {
                let end = text[start...].firstIndex(of: UInt8(ascii: "\n")) ?? text.endIndex
                let line = UnsafeBufferPointer(rebasing: text[start..<end])
                if line.first == UInt8(ascii: "*") || names(line) {
                    hasher.combine(bytes: UnsafeRawBufferPointer(line))
                }
                start = end + 1
            }
        }
        return hasher.finalize()
    }

    private static let prefixes: [[UInt8]] = [Array("KUBE-".utf8), Array("PORTICO-".utf8)]

    /// Whether a line has the beginning of such a chain's name anywhere.
    private static func names(_ line: UnsafeBufferPointer<UInt8>) -> Bool {
        // Most lines have it right behind `-A ` or `:`.
        line.indices.contains { index in
            prefixes.contains { $0[0] == line[index] && line[index...].starts(with: $0) }
        }
    }
}
