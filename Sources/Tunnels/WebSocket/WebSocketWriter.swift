package import NIOCore

/// Makes frames of a WebSocket, each a whole message.
package struct WebSocketWriter {
    private let isClient: Bool
    /// A mask keeps what is sent from looking like HTTP to what stands between. It is no secret, so one that begins at
    /// random will do, and the kernel need not be asked for each frame.
    private var random: UInt64

    package init(isClient: Bool = true) {
        self.isClient = isClient
        random = UInt64.random(in: 1 ... .max)
    }

    /// A message of two parts that lie apart.
    package mutating func binary(_ head: [UInt8], _ body: ByteBuffer? = nil) -> ByteBuffer {
        let count = head.count + (body?.readableBytes ?? 0)
        var (frame, mask) = begin(WebSocketOpcode.binary, count)
        frame.writeMasked(head, with: mask, phase: 0)
        if let body { frame.writeMasked(body.readableBytesView, with: mask, phase: head.count) }
        return frame
    }

    package mutating func ping() -> ByteBuffer { control(WebSocketOpcode.ping, []) }

    package mutating func pong(_ payload: ByteBuffer) -> ByteBuffer {
        control(WebSocketOpcode.pong, Array(payload.readableBytesView))
    }

    package mutating func close(_ code: UInt16) -> ByteBuffer {
        control(WebSocketOpcode.close, [UInt8(code >> 8), UInt8(truncatingIfNeeded: code)])
    }

    private mutating func control(_ opcode: UInt8, _ payload: [UInt8]) -> ByteBuffer {
        var (frame, mask) = begin(opcode, payload.count)
        frame.writeMasked(payload, with: mask, phase: 0)
        return frame
    }

    private mutating func begin(_ opcode: UInt8, _ count: Int) -> (ByteBuffer, mask: UInt32) {
        var frame = ByteBufferAllocator().buffer(capacity: 14 + count)
        frame.writeInteger(0x80 | opcode)
        let bit: UInt8 = isClient ? 0x80 : 0
        switch count {
        case ..<126: frame.writeInteger(bit | UInt8(count))
        case ..<65_536: frame.writeMultipleIntegers(bit | 126, UInt16(count))
        default: frame.writeMultipleIntegers(bit | 127, UInt64(count))
        }
        guard isClient else { return (frame, 0) }
        random ^= random << 13
        random ^= random >> 7
        random ^= random << 17
        let mask = UInt32(truncatingIfNeeded: random >> 16)
        frame.writeInteger(mask)
        return (frame, mask)
    }
}

extension ByteBuffer {
    /// Copies with every byte changed by its byte of the mask, eight at a time.
    ///
    /// - Parameter phase: how many bytes of the same frame went before.
    mutating func writeMasked(_ bytes: some Collection<UInt8>, with mask: UInt32, phase: Int) {
        guard mask != 0 else {
            writeBytes(bytes)
            return
        }
        let turn = UInt32(phase & 3) * 8
        let turned = turn == 0 ? mask : mask << turn | mask >> (32 - turn)
        let word = (UInt64(turned) << 32 | UInt64(turned)).bigEndian
        let done: Void? = bytes.withContiguousStorageIfAvailable { source in
            let source = UnsafeRawBufferPointer(source)
            let count = source.count
            writeWithUnsafeMutableBytes(minimumWritableBytes: count) { target in
                var index = 0
                while index + 8 <= count {
                    let part = source.loadUnaligned(fromByteOffset: index, as: UInt64.self) ^ word
                    target.storeBytes(of: part, toByteOffset: index, as: UInt64.self)
                    index += 8
                }
                while index < count {
                    target[index] = source[index] ^ UInt8(truncatingIfNeeded: turned >> (24 - 8 * UInt32(index & 3)))
                    index += 1
                }
                return count
            }
        }
        if done == nil { writeMasked(Array(bytes), with: mask, phase: phase) }
    }
}
