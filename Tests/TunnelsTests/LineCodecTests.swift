import NIOCore
import TestSupport
import Testing

@testable import Tunnels

@Suite("Streams on a line, by each of the three protocols")
struct LineCodecTests {
    private static let port: UInt16 = 0x1F90
    private static let all: [PortForwardProtocol] = [.webSocket, .spdy, .channels]
    private static let bySPDY: [PortForwardProtocol] = [.webSocket, .spdy]

    private static func codec(_ kind: PortForwardProtocol) -> LineCodec {
        LineCodec(kind, port: kind == .channels ? port : nil)
    }

    /// The other side.
    private struct Server {
        /// What it hears.
        enum Word: Hashable {
            case frame(SPDYFrame)
            case message([UInt8])
            /// What belongs to the WebSocket itself.
            case webSocket(WebSocketEvent)
        }

        let kind: PortForwardProtocol
        var socket = WebSocketReader(readsClient: true)
        var frames = SPDYReader()
        var writer = WebSocketWriter(isClient: false)

        mutating func hear(_ said: [ByteBuffer]) throws -> [Word] {
            var words: [Word] = []
            func take(_ bytes: inout ByteBuffer) throws {
                while let frame = try frames.next(from: &bytes) { words.append(.frame(frame)) }
            }
            for var bytes in said {
                guard kind != .spdy else {
                    try take(&bytes)
                    continue
                }
                while let event = try socket.next(from: &bytes) {
                    switch event {
                    case .bytes(let message) where kind == .channels:
                        words.append(.message(Array(message.readableBytesView)))
                    case .bytes(var piece): try take(&piece)
                    default: words.append(.webSocket(event))
                    }
                }
                #expect(bytes.readableBytes == 0)
            }
            return words
        }

        /// As it goes on the connection, where there are messages in one.
        mutating func says(_ bytes: [UInt8]) -> [UInt8] {
            kind == .spdy ? bytes : Array(writer.binary(bytes).readableBytesView)
        }

        mutating func closes(_ code: UInt16) -> [UInt8] { Array(writer.close(code).readableBytesView) }

        func pings(_ payload: [UInt8]) -> [UInt8] { [0x89, UInt8(payload.count)] + payload }
    }

    /// What a codec hears of bytes that come in pieces of `cut`. Bytes of a stream are told one by one, since where they
    /// were cut says nothing.
    private static func hear(_ bytes: [UInt8], cut: Int = 1000, by codec: inout LineCodec) throws -> [LineCodec.Event] {
        var events: [LineCodec.Event] = []
        for start in stride(from: 0, to: bytes.count, by: cut) {
            var piece = ByteBuffer(bytes: bytes[start..<min(start + cut, bytes.count)])
            while let event = try codec.next(from: &piece) {
                guard case .frame(.data(let stream, let said, let isLast)) = event else {
                    events.append(event)
                    continue
                }
                events += said.readableBytesView.map {
                    .frame(.data(stream: stream, ByteBuffer(bytes: [$0]), isLast: false))
                }
                if isLast { events.append(.frame(.data(stream: stream, ByteBuffer(), isLast: true))) }
            }
            #expect(piece.readableBytes == 0)
        }
        return events
    }

    private static func data(_ stream: UInt32, _ bytes: [UInt8], isLast: Bool = false) -> [LineCodec.Event] {
        bytes.map { .frame(.data(stream: stream, ByteBuffer(bytes: [$0]), isLast: false)) }
            + (isLast ? [.frame(.data(stream: stream, ByteBuffer(), isLast: true))] : [])
    }

    // MARK: - To the server

    @Test(
        "A connection has two streams, of which that for errors is ended at once; the next has others",
        arguments: bySPDY)
    func opening(kind: PortForwardProtocol) throws {
        var (codec, server) = (Self.codec(kind), Server(kind: kind))
        #expect(!codec.isByChannels)
        for (request, port) in [(0, UInt16(8080)), (1, 80), (999_999, 443)] {
            let (streams, bytes) = codec.open(request, port: port)
            #expect(streams == (UInt32(request) * 4 + 1, UInt32(request) * 4 + 3))
            let shared = ["port": "\(port)", "requestid": "\(request)"]
            let (error, data) = (streams.error, streams.data)
            #expect(
                try server.hear([codec.framed(bytes)]) == [
                    .frame(.synStream(stream: error, shared.merging(["streamtype": "error"]) { $1 })),
                    .frame(.data(stream: error, ByteBuffer(), isLast: true)),
                    .frame(.synStream(stream: data, shared.merging(["streamtype": "data"]) { $1 })),
                ])
        }
    }

    @Test("What a connection says, its end, that it is given up, and the end of the line", arguments: bySPDY)
    func saying(kind: PortForwardProtocol) throws {
        var (codec, server) = (Self.codec(kind), Server(kind: kind))
        let body = ByteBuffer(bytes: [1, 2, 3])
        let said = [codec.data(body, on: 7), codec.end(of: 7), codec.reset(7)].compactMap(\.self) + codec.goodbye()
        #expect(
            try server.hear(said) == [
                .frame(.data(stream: 7, body, isLast: false)), .frame(.data(stream: 7, ByteBuffer(), isLast: true)),
                .frame(.reset(stream: 7, status: SPDYStatus.cancel)), .frame(.goAway(lastGood: 0)),
            ] + (kind == .webSocket ? [.webSocket(.close(1000))] : []))
    }

    @Test("By channels nothing has to be opened, messages name their channel, and only the end of the line can be said")
    func sayingByChannels() throws {
        var (codec, server) = (Self.codec(.channels), Server(kind: .channels))
        #expect(codec.isByChannels)
        let (streams, bytes) = codec.open(0, port: Self.port)
        #expect(streams == (error: 1, data: 0))
        #expect(bytes.isEmpty)
        #expect(codec.end(of: streams.data) == nil)
        #expect(codec.reset(streams.data) == nil)
        let said = [codec.data(ByteBuffer(bytes: [1, 2, 3]), on: streams.data)] + codec.goodbye()
        #expect(try server.hear(said) == [.message([0, 1, 2, 3]), .webSocket(.close(1000))])
    }

    // MARK: - From the server

    @Test("Whatever SPDY says is heard alike, wherever the connection and its messages are cut", arguments: bySPDY)
    func cuts(kind: PortForwardProtocol) throws {
        let spdy = SPDYWriter()
        let said =
            spdy.synReply(1) + spdy.synReply(3) + SPDYWriter.dataHead(3, count: 4) + [1, 2, 3, 4]
            + SPDYWriter.dataHead(1, count: 2, isLast: true) + [5, 6] + spdy.reset(3)
            + spdy.goAway(lastGood: 3) + SPDYWriter.dataHead(3, count: 0, isLast: true)
        let expected: [LineCodec.Event] =
            [.frame(.synReply(stream: 1)), .frame(.synReply(stream: 3))] + Self.data(3, [1, 2, 3, 4])
            + Self.data(1, [5, 6], isLast: true) + [.frame(.reset(stream: 3, status: SPDYStatus.cancel))]
            + [.goesAway(lastGood: 3)] + Self.data(3, [], isLast: true)
        for message in kind == .webSocket ? [1, 3, 11, said.count] : [said.count] {
            var server = Server(kind: kind)
            let bytes = stride(from: 0, to: said.count, by: message).flatMap {
                server.says(Array(said[$0..<min($0 + message, said.count)]))
            }
            for cut in 1...bytes.count {
                var codec = Self.codec(kind)
                #expect(try Self.hear(bytes, cut: cut, by: &codec) == expected, "in \(message), cut in \(cut)")
            }
        }
    }

    @Test("By channels each begins with the port, and is heard as a stream of its number, wherever it is cut")
    func cutsByChannels() throws {
        var server = Server(kind: .channels)
        let bytes =
            [[0, 0x90, 0x1F], [1, 0x90, 0x1F], [0, 1, 2], [], [1, 7], [0, 0x90, 0x1F]].flatMap { server.says($0) }
            + server.closes(1000)
        let expected: [LineCodec.Event] =
            [.frame(.synReply(stream: 0)), .frame(.synReply(stream: 1))] + Self.data(0, [1, 2]) + Self.data(1, [7])
            + Self.data(0, [0x90, 0x1F]) + [.podEnds]
        for cut in 1...bytes.count {
            var codec = Self.codec(.channels)
            #expect(try Self.hear(bytes, cut: cut, by: &codec) == expected, "cut in \(cut)")
        }
    }

    @Test("By SPDY a pod ends with its stream, and the line carries the next", arguments: bySPDY)
    func ends(kind: PortForwardProtocol) throws {
        var (codec, server) = (Self.codec(kind), Server(kind: kind))
        let first = server.says(SPDYWriter.dataHead(3, count: 1, isLast: true) + [9])
        #expect(try Self.hear(first, by: &codec) == Self.data(3, [9], isLast: true))
        #expect(try Self.hear(server.says(SPDYWriter().synReply(7)), by: &codec) == [.frame(.synReply(stream: 7))])
        guard kind == .webSocket else { return }
        // That is the line's end, however much the pod has said.
        #expect(try Self.hear(server.closes(1000), by: &codec) == [.closes(1000)])
    }

    @Test("By channels the orderly end of a WebSocket is the pod's, once it has begun; any other end is the line's")
    func endsByChannels() throws {
        let (data, error): ([UInt8], [UInt8]) = ([0, 0x90, 0x1F], [1, 0x90, 0x1F])
        for (messages, code, end) in [
            ([data], 1000, .podEnds), ([data, error], 1000, .podEnds), ([], 1000, .closes(1000)),
            ([error], 1000, .closes(1000)), ([[0, 0x90]], 1000, .closes(1000)), ([data], 1011, .closes(1011)),
            ([data], 1005, .closes(1005)),
        ] as [([[UInt8]], UInt16, LineCodec.Event)] {
            var (codec, server) = (Self.codec(.channels), Server(kind: .channels))
            let bytes = messages.flatMap { server.says($0) } + (code == 1005 ? [0x88, 0] : server.closes(code))
            #expect(try Self.hear(bytes, by: &codec).last == end, "\(messages), then \(code)")
        }
    }

    // MARK: - Signs of life

    @Test("A client asks by odd numbers of SPDY, or by the WebSocket's own ping where there is one", arguments: all)
    func asking(kind: PortForwardProtocol) throws {
        var (codec, server) = (Self.codec(kind), Server(kind: kind))
        let asked = try server.hear([codec.ping(), codec.ping(), codec.ping()])
        let ping = Server.Word.webSocket(.ping(ByteBuffer()))
        #expect(asked == (kind == .spdy ? [1, 3, 5].map { .frame(.ping($0)) } : [ping, ping, ping]))
    }

    @Test("A server's pings of SPDY, which are even, are answered alike; the odd ones are answers", arguments: bySPDY)
    func answering(kind: PortForwardProtocol) throws {
        var (codec, server) = (Self.codec(kind), Server(kind: kind))
        let spdy = SPDYWriter()
        // The last comes behind the others in one message.
        let pings = spdy.ping(2) + spdy.ping(1) + spdy.ping(0xFFFF_FFFE) + spdy.ping(0xFFFF_FFFF) + spdy.synReply(3)
        let events = try Self.hear(server.says(pings), by: &codec)
        #expect(events.last == .frame(.synReply(stream: 3)))
        #expect(try server.hear(events.compactMap(\.answer)) == [.frame(.ping(2)), .frame(.ping(0xFFFF_FFFE))])
        #expect(events.count == 3)
    }

    @Test(
        "A WebSocket's ping is answered with what it says, and its answers are none of ours",
        arguments: [
            PortForwardProtocol.webSocket, .channels,
        ])
    func pongs(kind: PortForwardProtocol) throws {
        var (codec, server) = (Self.codec(kind), Server(kind: kind))
        let events = try Self.hear([0x8A, 0] + server.pings([5, 6]) + [0x8A, 1, 9], by: &codec)
        #expect(events.count == 1)
        let answer = Array(try #require(events.first?.answer).readableBytesView)
        #expect(answer.prefix(2) == [0x8A, 0x82])
        // Behind its mask.
        #expect([answer[6] ^ answer[2], answer[7] ^ answer[3]] == [5, 6])
    }

    // MARK: - What is no port-forward

    @Test("What cannot be understood is an error that names the protocol")
    func errors() {
        let version2: [UInt8] = [0x80, 2, 0, 1, 0, 0, 0, 0]
        for (kind, bytes, word) in [
            (.spdy, version2, "SPDY/2"), (.spdy, [0x80, 3, 0, 4, 0, 0xFF, 0xFF, 0xFF], "SPDY"),
            (.spdy, SPDYWriter().synReply(1).dropLast(4) + [9, 9, 9, 9], "SPDY headers"),
            (.webSocket, [0x82, 8] + version2, "SPDY/2"), (.webSocket, version2, "WebSocket"),
            (.webSocket, [0x81, 1, 97], "WebSocket message of text"), (.webSocket, [0x83, 0], "WebSocket"),
            (.channels, [0x82, 1, 2], "channel 2"), (.channels, [0x82, 3, 0, 1, 2], "port"),
            (.channels, [0x81, 1, 48], "WebSocket message of text"),
        ] as [(PortForwardProtocol, [UInt8], String)] {
            var codec = Self.codec(kind)
            let error = #expect(throws: (any Error).self) { try Self.hear(bytes, by: &codec) }
            #expect("\(error, default: "none")".contains(word), "\(kind): \(bytes)")
        }
    }

    @Test("Random bytes, and frames with random damage, are heard or refused", arguments: all)
    func fuzz(kind: PortForwardProtocol) {
        var random = SeededRandom(23)
        let spdy = SPDYWriter()
        for _ in 0..<1000 {
            var (codec, server) = (Self.codec(kind), Server(kind: kind))
            var bytes = (0..<Int.random(in: 1...60, using: &random)).map { _ in
                UInt8.random(in: 0...255, using: &random)
            }
            if Bool.random(using: &random) {
                let start = kind == .channels ? [0, 0x90, 0x1F] : spdy.synReply(3) + spdy.ping(2)
                bytes = server.says(start) + server.says(bytes) + server.pings([1]) + server.closes(1000)
                bytes[Int.random(in: 0..<bytes.count, using: &random)] = UInt8.random(in: 0...255, using: &random)
            }
            _ = try? Self.hear(bytes, cut: Int.random(in: 1...9, using: &random), by: &codec)
        }
    }
}

extension LineCodec.Event {
    fileprivate var answer: ByteBuffer? { if case .asks(let answer) = self { answer } else { nil } }
}
