import NIOCore
import TestSupport
import Testing

@testable import Tunnels

@Suite("SPDY/3.1 as it is used for port-forwarding")
struct SPDYTests {
    /// Two SYN_STREAMs of kubectl 1.20, one after the other.
    static let vectors = [
        "800300010000003e0000000100000000000078f9e3c6a7c202253a703a2b294a4dcc851625aca9a0808614cb45e01c60616061c0"
            + "c0c0c0590489c64c50f2663400000000ffff",
        "800300010000001a00000003000000000000826a26ac0ad57850499508000000ffff",
    ]

    @Test("The dictionary is the one that everybody has")
    func dictionary() {
        let bytes = SPDYDictionary.bytes
        #expect(bytes.count == 1423)
        let (low, high) = bytes.reduce((UInt32(1), UInt32(0))) { sums, byte in
            let low = (sums.0 + UInt32(byte)) % 65521
            return (low, (sums.1 + low) % 65521)
        }
        #expect(high << 16 | low == 0xE3C6_A7C2)
    }

    @Test("Header blocks of kubectl are read, the second with what the first has left", arguments: [1, 3, 1000])
    func vectors(cut: Int) throws {
        let frames = try read(Self.vectors.flatMap(bytes), cut: cut)
        #expect(
            frames == [
                .synStream(stream: 1, ["streamtype": "error", "port": "8080", "requestid": "0"]),
                .synStream(stream: 3, ["streamtype": "data", "port": "8080", "requestid": "0"]),
            ])
    }

    @Test("The second header block cannot be read without the first")
    func continuity() throws {
        #expect(throws: SPDYError.headers) { try read(bytes(Self.vectors[1]), cut: 1000) }
    }

    @Test("What is written is read, wherever it is cut", arguments: [1, 2, 3, 5, 7, 11, 10_000])
    func roundTrip(cut: Int) throws {
        let writer = SPDYWriter()
        var all: [UInt8] = []
        var expected: [SPDYFrame] = []
        for index in UInt32(0)..<200 {
            let stream = index * 2 + 1
            all += writer.synStream(stream, [("streamtype", "data"), ("port", "\(index)"), ("requestid", "\(index)")])
            expected.append(
                .synStream(stream: stream, ["streamtype": "data", "port": "\(index)", "requestid": "\(index)"]))
            all += writer.synReply(stream) + writer.reset(stream) + writer.ping(index) + writer.goAway(lastGood: stream)
            expected += [.synReply(stream: stream), .reset(stream: stream, status: 5), .ping(index)]
            expected.append(.goAway(lastGood: stream))
            all += SPDYWriter.dataHead(stream, count: 3) + [1, 2, 3]
            all += SPDYWriter.dataHead(stream, count: 0, isLast: true)
            expected += [
                .data(stream: stream, ByteBuffer(bytes: [1, 2, 3]), isLast: false),
                .data(stream: stream, ByteBuffer(), isLast: true),
            ]
        }
        #expect(joined(try read(all, cut: cut)) == joined(expected))
    }

    @Test("An end may come with the last bytes, alone, or with a header frame")
    func ends() throws {
        let data = SPDYWriter.dataHead(7, count: 2, isLast: true) + [1, 2]
        #expect(try read(data, cut: 100) == [.data(stream: 7, ByteBuffer(bytes: [1, 2]), isLast: true)])
        #expect(
            try read(data, cut: 1).suffix(1) == [.data(stream: 7, ByteBuffer(bytes: [2]), isLast: true)])
        var reply = SPDYWriter().synReply(7)
        reply[4] = 1
        #expect(
            try read(reply, cut: 100) == [.synReply(stream: 7), .data(stream: 7, ByteBuffer(), isLast: true)])
    }

    @Test("Frames that nobody needs are read over, and others' versions and lengths refused")
    func oddities() throws {
        let settings = bytes("8003000400000004") + [0, 0, 0, 0]
        let window = bytes("80030009000000080000000100010000")
        #expect(try read(settings + window, cut: 3) == [.other(type: 4), .other(type: 9)])
        #expect(throws: SPDYError.version(2)) { try read(bytes("8002000100000000"), cut: 8) }
        #expect(throws: SPDYError.length(type: 4, 0xFFFFFF)) { try read(bytes("8003000400ffffff"), cut: 8) }
        for short in [
            "800300030000000400000001", "8003000600000000", "80030007000000020000", "8003000100000002" + "0000",
        ] {
            #expect(throws: SPDYError.self) { try read(bytes(short), cut: 8) }
        }
    }

    @Test("Header blocks of a lying server: bombs, lengths that lead out of them, another dictionary")
    func lies() throws {
        let bomb = HeaderDeflater().pack([UInt8](repeating: 0, count: 200_000))
        func reply(_ block: [UInt8]) -> [UInt8] {
            let length = block.count + 4
            return [0x80, 3, 0, 2, 0, 0, UInt8(length >> 8), UInt8(length & 255), 0, 0, 0, 1] + block
        }
        #expect(throws: SPDYError.headers) { try read(reply(bomb), cut: 1000) }
        for block: [UInt8] in [
            [0, 0, 0, 9], [0, 0, 0, 1, 0xFF, 0xFF, 0xFF, 0xFF, 97], [0, 0], [0xFF, 0xFF, 0xFF, 0xFF],
            [0, 0, 0, 1, 0, 0, 0, 1, 97],
        ] {
            #expect(throws: SPDYError.headers) { try read(reply(HeaderDeflater().pack(block)), cut: 1000) }
        }
        #expect(throws: SPDYError.headers) { try read(reply([0x78, 0xF9, 1, 2, 3, 4, 5, 6, 7]), cut: 1000) }
    }

    @Test("Random bytes, and frames with random damage, are refused or read, and keep nothing")
    func fuzz() {
        var random = SeededRandom(7)
        let writer = SPDYWriter()
        for _ in 0..<3000 {
            var input = (0..<Int.random(in: 0...80, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random) {
                input = writer.synStream(1, [("port", "80"), ("streamtype", "data")]) + writer.synReply(3) + input
                for _ in 0..<3 {
                    input[Int.random(in: 0..<input.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
                }
            }
            _ = try? read(input, cut: Int.random(in: 1...9, using: &random))
        }
    }
}

/// The bytes that hexadecimal digits stand for.
func bytes(_ digits: String) -> [UInt8] {
    let digits = digits.compactMap(\.hexDigitValue)
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

/// Reads bytes that come in pieces of `cut`.
func read(_ bytes: [UInt8], cut: Int) throws -> [SPDYFrame] {
    var (reader, frames) = (SPDYReader(), [SPDYFrame]())
    for start in stride(from: 0, to: bytes.count, by: cut) {
        var piece = ByteBuffer(bytes: bytes[start..<min(start + cut, bytes.count)])
        while let frame = try reader.next(from: &piece) { frames.append(frame) }
        #expect(piece.readableBytes == 0)
    }
    return frames
}

/// With pieces of one frame put together.
private func joined(_ frames: [SPDYFrame]) -> [SPDYFrame] {
    frames.reduce(into: []) { result, frame in
        guard case .data(let stream, var bytes, let isLast) = frame, bytes.readableBytes > 0,
            case .data(stream, var before, false)? = result.last
        else { return result.append(frame) }
        before.writeBuffer(&bytes)
        result[result.count - 1] = .data(stream: stream, before, isLast: isLast)
    }
}
