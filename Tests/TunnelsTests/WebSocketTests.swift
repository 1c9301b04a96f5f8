import NIOCore
import TestSupport
import Testing

@testable import Tunnels

@Suite("A WebSocket that carries a stream")
struct WebSocketTests {
    private func read(_ bytes: [UInt8], cut: Int, readsClient: Bool = false) throws -> [WebSocketEvent] {
        var (reader, events) = (WebSocketReader(readsClient: readsClient), [WebSocketEvent]())
        for start in stride(from: 0, to: bytes.count, by: cut) {
            var piece = ByteBuffer(bytes: bytes[start..<min(start + cut, bytes.count)])
            while let event = try reader.next(from: &piece) { events.append(event) }
        }
        return events
    }

    private func stream(_ events: [WebSocketEvent]) -> [UInt8] {
        events.flatMap { event -> [UInt8] in
            if case .bytes(let bytes) = event { Array(bytes.readableBytesView) } else { [] }
        }
    }

    @Test("Messages of any length are one stream, however it is cut", arguments: [1, 2, 3, 13, 1 << 20])
    func messages(cut: Int) throws {
        for isClient in [true, false] {
            var (writer, all, expected) = (WebSocketWriter(isClient: isClient), [UInt8](), [UInt8]())
            for count in cut < 13 ? [0, 1, 2, 3, 7, 8, 9, 125, 126, 127, 300] : [0, 1, 9, 127, 65_535, 65_536, 70_000] {
                let body = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 7) }
                let split = min(count, count % 5)
                all += Array(writer.binary(Array(body[..<split]), ByteBuffer(bytes: body[split...])).readableBytesView)
                all += Array(writer.ping().readableBytesView)
                expected += body
            }
            let events = try read(all, cut: cut, readsClient: isClient)
            #expect(stream(events) == expected)
            #expect(events.contains(.ping(ByteBuffer())))
        }
    }

    @Test("A client's message is masked, and no two with the same mask")
    func masks() {
        var writer = WebSocketWriter()
        let zeros = ByteBuffer(bytes: [UInt8](repeating: 0, count: 20))
        let masks = (0..<100).map { _ in Array(writer.binary([], zeros).readableBytesView)[2..<6] }
        #expect(Set(masks).count > 95)
        let frame = Array(writer.binary([], zeros).readableBytesView)
        #expect(frame[1] == 0x80 | 20)
        #expect((0..<20).allSatisfy { frame[6 + $0] == frame[2 + $0 % 4] })
    }

    @Test("Fragments, with pings between them, and empty ones")
    func fragments() throws {
        let frames: [UInt8] = [0x02, 1, 97, 0x89, 1, 5, 0x00, 0, 0x8A, 0, 0x80, 1, 98, 0x82, 0, 0x88, 2, 0x03, 0xE8]
        for cut in [1, 4, 100] {
            let events = try read(frames, cut: cut)
            #expect(
                events == [
                    .bytes(ByteBuffer(bytes: [97])), .ping(ByteBuffer(bytes: [5])), .pong,
                    .bytes(ByteBuffer(bytes: [98])), .close(1000),
                ])
        }
        #expect(try read([0x88, 0], cut: 9) == [.close(1005)])
    }

    @Test("The first piece of a message is known, whatever is empty before it", arguments: [1, 4, 100])
    func beginnings(cut: Int) throws {
        let frames: [UInt8] = [
            0x82, 2, 97, 98, 0x82, 0, 0x02, 0, 0x89, 0, 0x00, 0, 0x00, 1, 99, 0x80, 1, 100, 0x82, 1, 101,
        ]
        var (reader, firsts) = (WebSocketReader(), [UInt8]())
        for start in stride(from: 0, to: frames.count, by: cut) {
            var piece = ByteBuffer(bytes: frames[start..<min(start + cut, frames.count)])
            while let event = try reader.next(from: &piece) {
                guard case .bytes(let bytes) = event, reader.beganMessage else { continue }
                firsts.append(bytes.readableBytesView[bytes.readerIndex])
            }
        }
        #expect(firsts == [97, 99, 101])
    }

    @Test("What breaks the rules is refused")
    func rules() {
        for frames: [UInt8] in [
            [0x81, 1, 97],  // text
            [0x82, 0x81, 1, 2, 3, 4, 97],  // masked by a server
            [0xC2, 1, 97],  // a bit that nobody has agreed on
            [0x80, 1, 97],  // a continuation of nothing
            [0x02, 1, 97, 0x82, 1, 97],  // a message within a message
            [0x09, 0],  // a ping in fragments
            [0x89, 126, 0, 126],  // a long ping
            [0x83, 0],  // no such opcode
            [0x82, 127, 0xFF, 0, 0, 0, 0, 0, 0, 0],  // a length that is none
        ] {
            #expect(throws: WebSocketError.self) { try read(frames, cut: 100) }
        }
    }

    @Test("Random bytes are refused or read")
    func fuzz() {
        var random = SeededRandom(3)
        for _ in 0..<3000 {
            let input = (0..<Int.random(in: 0...60, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            _ = try? read(input, cut: Int.random(in: 1...9, using: &random), readsClient: Bool.random(using: &random))
        }
    }
}
