package import NIOCore

/// Reads frames from bytes that come in pieces cut anywhere. What DATA frames carry is passed on as it comes, without a
/// copy; only the head of a frame and control frames are ever kept.
package struct SPDYReader {
    /// Of a control frame: far more than any that is used for port-forwarding.
    private static let longestControl = 16 << 10
    /// Of a header block, unpacked.
    private static let longestHeaders = 16 << 10
    private static let flagFinal: UInt8 = 1

    private enum State {
        case head
        case data(stream: UInt32, left: Int, isFinal: Bool)
        case control(type: UInt16, flags: UInt8, length: Int)
    }

    private var state = State.head
    /// Of a head or a control frame that is not whole yet.
    private var kept: [UInt8] = []
    private let inflater = HeaderInflater()
    /// A frame with an end, of which the end has still to be told: SYN_STREAM and SYN_REPLY may carry one.
    private var endedStream: UInt32?

    package init() {}

    /// Takes the next frame, or piece of one, off `input`.
    ///
    /// - Returns: nil if more has to come first.
    package mutating func next(from input: inout ByteBuffer) throws(SPDYError) -> SPDYFrame? {
        if let stream = endedStream {
            endedStream = nil
            return .data(stream: stream, ByteBuffer(), isLast: true)
        }
        while true {
            switch state {
            case .head:
                guard try readHead(from: &input) else { return nil }
            case .data(let stream, let left, let isFinal):
                if left == 0 {
                    state = .head
                    guard isFinal else { continue }
                    return .data(stream: stream, ByteBuffer(), isLast: true)
                }
                guard input.readableBytes > 0, let piece = input.readSlice(length: min(left, input.readableBytes))
                else { return nil }
                let rest = left - piece.readableBytes
                state = rest == 0 ? .head : .data(stream: stream, left: rest, isFinal: isFinal)
                return .data(stream: stream, piece, isLast: isFinal && rest == 0)
            case .control(let type, let flags, let length):
                guard keep(length, of: &input) else { return nil }
                defer { kept.removeAll(keepingCapacity: true) }
                state = .head
                return try control(type, flags)
            }
        }
    }

    /// - Returns: whether there is now all of it.
    private mutating func keep(_ count: Int, of input: inout ByteBuffer) -> Bool {
        let wanted = min(count - kept.count, input.readableBytes)
        if wanted > 0 {
            kept += input.readableBytesView.prefix(wanted)
            input.moveReaderIndex(forwardBy: wanted)
        }
        return kept.count == count
    }

    private mutating func readHead(from input: inout ByteBuffer) throws(SPDYError) -> Bool {
        let (first, second): (UInt32, UInt32)
        if kept.isEmpty, let both = input.readMultipleIntegers(as: (UInt32, UInt32).self) {
            (first, second) = both
        } else {
            guard keep(8, of: &input) else { return false }
            (first, second) = (kept.number(at: 0), kept.number(at: 4))
            kept.removeAll(keepingCapacity: true)
        }
        let (flags, length) = (UInt8(truncatingIfNeeded: second >> 24), Int(second & 0xFF_FFFF))
        guard first >> 31 == 1 else {
            state = .data(stream: first, left: length, isFinal: flags & Self.flagFinal != 0)
            return true
        }
        let (version, type) = (UInt16(truncatingIfNeeded: first >> 16) & 0x7FFF, UInt16(truncatingIfNeeded: first))
        guard version == 3 else { throw .version(version) }
        guard length <= Self.longestControl else { throw .length(type: type, length) }
        state = .control(type: type, flags: flags, length: length)
        return true
    }

    private mutating func control(_ type: UInt16, _ flags: UInt8) throws(SPDYError) -> SPDYFrame {
        func number(_ index: Int) throws(SPDYError) -> UInt32 {
            guard kept.count >= index + 4 else { throw .length(type: type, kept.count) }
            return kept.number(at: index)
        }
        switch type {
        case SPDYType.synStream, SPDYType.synReply, SPDYType.headers:
            let stream = try number(0) & 0x7FFF_FFFF
            let start = type == SPDYType.synStream ? 10 : 4
            guard kept.count >= start else { throw .length(type: type, kept.count) }
            // Read whoever it is for: the blocks are packed as one stream.
            let headers = try headers(kept[start...])
            if flags & Self.flagFinal != 0 { endedStream = stream }
            switch type {
            case SPDYType.synStream: return .synStream(stream: stream, headers)
            case SPDYType.synReply: return .synReply(stream: stream)
            default: return .other(type: type)
            }
        case SPDYType.reset: return .reset(stream: try number(0) & 0x7FFF_FFFF, status: try number(4))
        case SPDYType.ping: return .ping(try number(0))
        case SPDYType.goAway: return .goAway(lastGood: try number(0) & 0x7FFF_FFFF)
        default: return .other(type: type)
        }
    }

    private func headers(_ packed: ArraySlice<UInt8>) throws(SPDYError) -> SPDYFrame.Headers {
        var block = try inflater.unpack(Array(packed), limit: Self.longestHeaders)[...]
        func number() throws(SPDYError) -> Int {
            guard block.count >= 4 else { throw .headers }
            defer { block = block.dropFirst(4) }
            return Int(block.number(at: block.startIndex))
        }
        func text() throws(SPDYError) -> String {
            let count = try number()
            guard block.count >= count else { throw .headers }
            defer { block = block.dropFirst(count) }
            return String(decoding: block.prefix(count), as: UTF8.self)
        }
        // Some servers send no block at all in place of an empty one.
        guard !block.isEmpty else { return [:] }
        var headers: SPDYFrame.Headers = [:]
        for _ in 0..<(try number()) {
            let name = try text()
            headers[name] = try text()
        }
        return headers
    }
}

extension RandomAccessCollection<UInt8> where Index == Int {
    fileprivate func number(at index: Int) -> UInt32 {
        self[index..<index + 4].reduce(0) { $0 << 8 | UInt32($1) }
    }
}
