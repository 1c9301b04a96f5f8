/// Makes frames of SPDY/3.1, without what DATA frames carry.
package struct SPDYWriter {
    private let deflater = HeaderDeflater()

    package init() {}

    package func synStream(_ stream: UInt32, _ headers: [(name: String, value: String)]) -> [UInt8] {
        control(1, bytes(stream) + [0, 0, 0, 0, 0, 0] + packed(headers))
    }

    package func synReply(_ stream: UInt32) -> [UInt8] { control(2, bytes(stream) + packed([])) }

    package func reset(_ stream: UInt32, status: UInt32 = SPDYStatus.cancel) -> [UInt8] {
        control(3, bytes(stream) + bytes(status))
    }

    package func ping(_ id: UInt32) -> [UInt8] { control(6, bytes(id)) }

    package func goAway(lastGood: UInt32 = 0) -> [UInt8] { control(7, bytes(lastGood) + bytes(0)) }

    /// What stands before `count` bytes, at most 2²⁴ - 1, of a stream.
    package static func dataHead(_ stream: UInt32, count: Int, isLast: Bool = false) -> [UInt8] {
        bytes(stream) + bytes(UInt32(count) | (isLast ? 1 << 24 : 0))
    }

    private func packed(_ headers: [(name: String, value: String)]) -> [UInt8] {
        var block = Self.bytes(UInt32(headers.count))
        for (name, value) in headers {
            block += Self.bytes(UInt32(name.utf8.count)) + Array(name.utf8)
            block += Self.bytes(UInt32(value.utf8.count)) + Array(value.utf8)
        }
        return deflater.pack(block)
    }

    private func control(_ type: UInt8, _ payload: [UInt8]) -> [UInt8] {
        [0x80, 3, 0, type] + bytes(UInt32(payload.count)) + payload
    }

    private func bytes(_ number: UInt32) -> [UInt8] { Self.bytes(number) }

    private static func bytes(_ number: UInt32) -> [UInt8] {
        [
            UInt8(truncatingIfNeeded: number >> 24), UInt8(truncatingIfNeeded: number >> 16),
            UInt8(truncatingIfNeeded: number >> 8), UInt8(truncatingIfNeeded: number),
        ]
    }
}
