/// Decides how the bytes of one direction travel: copied through the worker's buffer while messages are small, spliced
/// through a pipe while they are a stream.
///
/// A copy of a small message costs less than two splices; of a full buffer, more. A full read is the sign that the
/// source sends faster than the relay reads.
struct StreamDetector: Equatable {
    enum Carrier: UInt8, Equatable {
        case copy
        case splice
    }

    /// Reads in a row that filled the buffer, before splicing starts.
    static let fullReads: UInt8 = 2
    /// Splices in a row that moved little, before copying resumes.
    static let smallMoves: UInt8 = 2
    /// What is little, in bytes.
    static let smallMove = 16 * 1024
    /// A stream that rested for this long, in milliseconds, starts over with copying.
    static let idle: UInt32 = 1000

    private var current: Carrier = .copy
    private var count: UInt8 = 0
    /// Low half of the loop's time at the last splice; differences stay right for seven weeks.
    private var lastMove: UInt32 = 0

    @inline(__always)
    mutating func carrier(at now: UInt64) -> Carrier {
        if current == .splice, UInt32(truncatingIfNeeded: now) &- lastMove > Self.idle { become(.copy) }
        return current
    }

    @inline(__always)
    mutating func copied(_ bytes: Int, of capacity: Int, at now: UInt64) {
        guard bytes == capacity else {
            count = 0
            return
        }
        count += 1
        if count >= Self.fullReads {
            become(.splice)
            lastMove = UInt32(truncatingIfNeeded: now)
        }
    }

    @inline(__always)
    mutating func spliced(_ bytes: Int, at now: UInt64) {
        lastMove = UInt32(truncatingIfNeeded: now)
        guard bytes < Self.smallMove else {
            count = 0
            return
        }
        count += 1
        if count >= Self.smallMoves { become(.copy) }
    }

    /// Splicing was not possible; try again after as many full reads.
    mutating func refused() {
        become(.copy)
    }

    private mutating func become(_ carrier: Carrier) {
        current = carrier
        count = 0
    }
}
