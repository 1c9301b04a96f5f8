/// What went through one direction of a peer.
public struct Transfer: Sendable {
    private var sum = StreamChecksum()

    /// The first bytes, up to 4096, to compare text with.
    public private(set) var head: [UInt8] = []
    public var count: Int { sum.count }
    /// Equal for two transfers that carried the same bytes in the same order, however they were cut.
    public var checksum: UInt64 { sum.value }
    public var text: String { String(decoding: head, as: UTF8.self) }

    mutating func add(_ bytes: UnsafeRawBufferPointer) {
        sum.update(bytes)
        if head.count < 4096 { head.append(contentsOf: bytes.prefix(4096 - head.count)) }
    }
}

/// What a peer has seen and done so far, or in the end.
public struct PeerReport: Sendable {
    public var sent = Transfer()
    public var received = Transfer()
    /// The other side ended its direction, seen by a step that reads.
    public var sawEnd = false
    /// The connection was reset, seen by any step.
    public var sawReset = false
    /// Why the script ended early; nil while it runs and when all of it was done.
    public var failure: PeerFailure?
}

/// A script that ended early: at which step, and why.
public struct PeerFailure: Error, Sendable, CustomStringConvertible {
    public let peer: String
    public let step: String
    public let reason: PeerError

    public var description: String { "\(peer), \(step): \(reason)" }
}
