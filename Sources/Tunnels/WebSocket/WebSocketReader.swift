package import NIOCore

/// What comes by a WebSocket (RFC 6455).
package enum WebSocketEvent: Hashable {
    /// A piece of a binary message, however it was cut on its way; never empty.
    case bytes(ByteBuffer)
    case ping(ByteBuffer)
    case pong
    /// The code, 1005 if there is none.
    case close(UInt16)
}

package enum WebSocketError: Error, Hashable, CustomStringConvertible {
    case text
    case opcode(UInt8)
    /// Bits that nobody has agreed on, a mask from the wrong side, or a fragment out of place.
    case frame

    package var description: String {
        switch self {
        case .text: "a WebSocket message of text"
        case .opcode(let opcode): "a WebSocket frame of the unknown kind \(opcode)"
        case .frame: "a WebSocket frame that breaks the rules"
        }
    }
}

/// Reads messages from bytes that come in pieces cut anywhere. What binary messages carry is passed on as it comes; only
/// the head of a frame and control frames, of 125 bytes at most, are ever kept.
package struct WebSocketReader {
    private enum State {
        case head
        case bytes(left: UInt64)
        case control(opcode: UInt8, count: Int)
    }

    /// Only clients mask what they send.
    private let readsClient: Bool
    private var state = State.head
    private var kept = ByteBuffer()
    private var isWithinMessage = false
    private var isAtStart = false
    /// The piece told last is the first of its message. Where a WebSocket carries a stream, that means nothing.
    package private(set) var beganMessage = false
    private var mask: UInt32 = 0
    private var phase = 0

    package init(readsClient: Bool = false) { self.readsClient = readsClient }

    /// Takes the next event off `input`.
    ///
    /// - Returns: nil if more has to come first.
    package mutating func next(from input: inout ByteBuffer) throws(WebSocketError) -> WebSocketEvent? {
        while true {
            switch state {
            case .head:
                guard try readHead(from: &input) else { return nil }
            case .bytes(let left):
                if left == 0 {
                    state = .head
                    continue
                }
                let count = Int(min(left, UInt64(input.readableBytes)))
                guard count > 0, let piece = input.readSlice(length: count) else { return nil }
                state = .bytes(left: left - UInt64(count))
                beganMessage = isAtStart
                isAtStart = false
                return .bytes(unmasked(piece))
            case .control(let opcode, let count):
                guard keep(count, of: &input) else { return nil }
                var payload = unmasked(kept)
                kept.clear()
                state = .head
                switch opcode {
                case WebSocketOpcode.ping: return .ping(payload)
                case WebSocketOpcode.pong: return .pong
                default: return .close(payload.readInteger() ?? 1005)
                }
            }
        }
    }

    private mutating func keep(_ count: Int, of input: inout ByteBuffer) -> Bool {
        let wanted = min(count - kept.readableBytes, input.readableBytes)
        if wanted > 0, var piece = input.readSlice(length: wanted) { kept.writeBuffer(&piece) }
        return kept.readableBytes >= count
    }

    private mutating func readHead(from input: inout ByteBuffer) throws(WebSocketError) -> Bool {
        guard keep(2, of: &input), let first = kept.getInteger(at: kept.readerIndex, as: UInt8.self),
            let second = kept.getInteger(at: kept.readerIndex + 1, as: UInt8.self)
        else { return false }
        let (isFinal, opcode, isMasked) = (first & 0x80 != 0, first & 0x0F, second & 0x80 != 0)
        guard first & 0x70 == 0, isMasked == readsClient else { throw .frame }
        let extra = second & 0x7F == 127 ? 8 : second & 0x7F == 126 ? 2 : 0
        guard keep(2 + extra + (isMasked ? 4 : 0), of: &input) else { return false }
        kept.moveReaderIndex(forwardBy: 2)
        var length = UInt64(second & 0x7F)
        if extra == 2 { length = UInt64(kept.readInteger(as: UInt16.self) ?? 0) }
        if extra == 8 { length = kept.readInteger(as: UInt64.self) ?? 0 }
        mask = isMasked ? kept.readInteger(as: UInt32.self) ?? 0 : 0
        phase = 0
        kept.clear()
        switch opcode {
        case WebSocketOpcode.continuation, WebSocketOpcode.binary:
            guard isWithinMessage == (opcode == WebSocketOpcode.continuation), length >> 63 == 0 else { throw .frame }
            isWithinMessage = !isFinal
            if opcode == WebSocketOpcode.binary { isAtStart = true }
            state = .bytes(left: length)
        case WebSocketOpcode.text: throw .text
        case WebSocketOpcode.close, WebSocketOpcode.ping, WebSocketOpcode.pong:
            guard isFinal, length <= 125 else { throw .frame }
            state = .control(opcode: opcode, count: Int(length))
        default: throw .opcode(opcode)
        }
        return true
    }

    private mutating func unmasked(_ piece: ByteBuffer) -> ByteBuffer {
        guard readsClient else { return piece }
        var plain = ByteBuffer()
        plain.writeMasked(piece.readableBytesView, with: mask, phase: phase)
        phase += piece.readableBytes
        return plain
    }
}

enum WebSocketOpcode {
    static let continuation: UInt8 = 0
    static let text: UInt8 = 1
    static let binary: UInt8 = 2
    static let close: UInt8 = 8
    static let ping: UInt8 = 9
    static let pong: UInt8 = 10
}
