import NIOCore
import TestSupport
import Testing

@testable import Tunnels

@Suite("The channels of a port-forward, as they come in messages")
struct ChannelReaderTests {
    /// What one side says on a channel, however it was cut.
    private struct Heard: Hashable {
        var data: [UInt8] = []
        var error: [UInt8] = []
        /// In which order the channels have begun.
        var begun: [UInt32] = []
    }

    private static let port: UInt16 = 0x1F90

    /// Binary messages, each of one frame.
    private func frames(_ messages: [[UInt8]]) -> [UInt8] {
        var writer = WebSocketWriter(isClient: false)
        return messages.flatMap { Array(writer.binary($0).readableBytesView) }
    }

    /// Reads what comes in pieces of `cut`.
    private func hear(_ bytes: [UInt8], cut: Int) throws -> Heard {
        var (socket, channels, heard) = (WebSocketReader(), ChannelReader(port: Self.port), Heard())
        for start in stride(from: 0, to: bytes.count, by: cut) {
            var piece = ByteBuffer(bytes: bytes[start..<min(start + cut, bytes.count)])
            while case .bytes(var part)? = try socket.next(from: &piece) {
                if socket.beganMessage { channels.beginMessage() }
                while let frame = try channels.next(from: &part) {
                    switch frame {
                    case .synReply(let stream):
                        #expect(stream == 0 ? heard.data.isEmpty : heard.error.isEmpty)
                        heard.begun.append(stream)
                    case .data(0, let said, false): heard.data += Array(said.readableBytesView)
                    case .data(1, let said, false): heard.error += Array(said.readableBytesView)
                    default: Issue.record("\(frame)")
                    }
                }
                #expect(part.readableBytes == 0)
            }
            #expect(channels.hasBegun == heard.begun.contains(0))
        }
        return heard
    }

    @Test("Each channel begins with the port, low byte first, and then says what it says, wherever it is cut")
    func cuts() throws {
        let bytes = frames([
            [0, 0x90, 0x1F], [1, 0x90, 0x1F], [0, 1, 2, 3], [1, 110, 111], [0], [], [0, 4], [0, 0x90, 0x1F],
        ])
        for cut in 1...bytes.count {
            let heard = try hear(bytes, cut: cut)
            #expect(heard == Heard(data: [1, 2, 3, 4, 0x90, 0x1F], error: [110, 111], begun: [0, 1]))
        }
    }

    @Test(
        "The port may come in pieces, with what follows, behind messages that say nothing, and on one channel only",
        arguments: [
            [[0, 0x90], [0, 0x1F], [0, 7]], [[0, 0x90, 0x1F, 7]], [[], [0], [0, 0x90], [0], [], [0, 0x1F, 7]],
            [[1], [0, 0x90], [1], [0, 0x1F, 7]],
        ] as [[[UInt8]]])
    func prefixes(messages: [[UInt8]]) throws {
        for cut in [1, 2, 3, 100] {
            #expect(try hear(frames(messages), cut: cut) == Heard(data: [7], begun: [0]))
        }
    }

    @Test("The fragments of a message are of its channel, and only the first of them names it")
    func fragments() throws {
        let bytes: [UInt8] =
            [0x02, 0, 0x00, 1, 0, 0x00, 1, 0x90, 0x89, 0, 0x00, 2, 0x1F, 1, 0x80, 0]
            + [0x02, 1, 1, 0x00, 0, 0x80, 4, 0x90, 0x1F, 0, 1]
            + [0x02, 2, 0, 1, 0x80, 2, 1, 0]
        // A ping between them ends what one call reads; the next goes on.
        var (socket, channels, data, error) = (WebSocketReader(), ChannelReader(port: Self.port), [UInt8](), [UInt8]())
        var input = ByteBuffer(bytes: bytes)
        while let event = try socket.next(from: &input) {
            guard case .bytes(var part) = event else { continue }
            if socket.beganMessage { channels.beginMessage() }
            while let frame = try channels.next(from: &part) {
                guard case .data(let stream, let said, _) = frame else { continue }
                if stream == 0 { data += said.readableBytesView } else { error += said.readableBytesView }
            }
        }
        #expect(data == [1, 1, 1, 0])
        #expect(error == [0, 1])
    }

    @Test("Other channels, other ports and the form in text are refused")
    func refusals() throws {
        for cut in [1, 100] {
            #expect(throws: ChannelError.channel(2)) { try hear(frames([[0, 0x90, 0x1F], [2, 1]]), cut: cut) }
            #expect(throws: ChannelError.channel(255)) { try hear(frames([[255]]), cut: cut) }
            for prefix: [UInt8] in [[0, 0x1F, 0x90], [0, 0x90, 0], [0, 0], [1, 0x91, 0x1F], [1, 0x90, 0x20]] {
                #expect(throws: ChannelError.port) { try hear(frames([prefix]), cut: cut) }
            }
            #expect(throws: WebSocketError.text) { try hear([0x81, 3, 48, 107, 66], cut: cut) }
        }
    }

    @Test("Random messages are refused or read")
    func fuzz() {
        var random = SeededRandom(11)
        for _ in 0..<3000 {
            let messages = (0..<Int.random(in: 0...6, using: &random)).map { _ in
                (0..<Int.random(in: 0...5, using: &random)).map { _ in UInt8.random(in: 0...2, using: &random) }
            }
            _ = try? hear(
                frames([[0, 0x90, 0x1F]] + messages), cut: Int.random(in: 1...9, using: &random))
        }
    }
}
