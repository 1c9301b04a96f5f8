import Glibc
import NIOCore
import NIOPosix
import TestSupport

/// A client that sends what a test tells it, to the byte, and keeps what comes.
final class RawClient: Sendable {
    private struct State {
        var bytes: [UInt8] = []
        var hasEnded = false
        var isClosed = false
    }

    private final class Listener: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        private let state: Locked<State>

        init(_ state: Locked<State>) { self.state = state }

        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            state.withLock { $0.bytes += Array(unwrapInboundIn(data).readableBytesView) }
        }

        func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
            if case .inputClosed = event as? ChannelEvent { state.withLock { $0.hasEnded = true } }
        }

        func channelInactive(context: ChannelHandlerContext) {
            state.withLock { ($0.hasEnded, $0.isClosed) = (true, true) }
        }

        func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
    }

    private let channel: any Channel
    private let state: Locked<State>

    /// - Parameter reads: false leaves what comes in the kernel.
    init(port: Int, reads: Bool = true, receiveBuffer: Int? = nil) async throws {
        let state = Locked(State())
        var bootstrap = Self.bootstrap(state, reads: reads)
        if let receiveBuffer {
            bootstrap = bootstrap.channelOption(.socketOption(.so_rcvbuf), value: receiveBuffer)
        }
        channel = try await bootstrap.connect(host: "127.0.0.1", port: port).get()
        self.state = state
    }

    init(path: String) async throws {
        let state = Locked(State())
        channel = try await Self.bootstrap(state, reads: true).connect(unixDomainSocketPath: path).get()
        self.state = state
    }

    deinit { channel.close(promise: nil) }

    private static func bootstrap(_ state: Locked<State>, reads: Bool) -> ClientBootstrap {
        ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .channelOption(.allowRemoteHalfClosure, value: true)
            .channelOption(.autoRead, value: reads)
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(Listener(state))
                }
            }
    }

    var bytes: [UInt8] { state.withLock { $0.bytes } }
    var text: String { String(decoding: bytes, as: UTF8.self) }
    var hasEnded: Bool { state.withLock { $0.hasEnded } }
    var isClosed: Bool { state.withLock { $0.isClosed } }

    func send(_ text: String) async throws { try await channel.writeAndFlush(ByteBuffer(string: text)) }

    func send(_ bytes: [UInt8]) async throws { try await channel.writeAndFlush(ByteBuffer(bytes: bytes)) }

    func readOn() async throws { try await channel.setOption(.autoRead, value: true).get() }

    func endOutput() async throws { try await channel.close(mode: .output) }

    func close() { channel.close(promise: nil) }

    func reset() async { try? await resetChannel(channel) }

    private func resetChannel(_ channel: any Channel) async throws {
        try await (channel as? any SocketOptionProvider)?.setSoLinger(linger(l_onoff: 1, l_linger: 0)).get()
        try await channel.close()
    }
}

/// An answer as it came.
struct RawAnswer {
    var status = 0
    var reason = ""
    var headers: [(name: String, value: String)] = []
    var body = ""

    init(_ bytes: [UInt8]) throws {
        let text = bytes.split(separator: Array("\r\n\r\n".utf8), maxSplits: 1, omittingEmptySubsequences: false)
        guard text.count == 2 else { throw PeerError.timedOut("no head in \(String(decoding: bytes, as: UTF8.self))") }
        let lines = String(decoding: text[0], as: UTF8.self).split(separator: "\r\n")
        let words = lines[0].split(separator: " ", maxSplits: 2)
        status = Int(words[1]) ?? 0
        reason = words.count > 2 ? String(words[2]) : ""
        headers = lines.dropFirst().map { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            return (String(parts[0]), String(parts[1].drop { $0 == " " }))
        }
        body = String(
            decoding: header("transfer-encoding") == "chunked" ? Self.joined(text[1]) : Array(text[1]), as: UTF8.self)
    }

    func header(_ name: String) -> String? { headers.first { $0.name.lowercased() == name }?.value }

    private static func joined(_ chunks: ArraySlice<UInt8>) -> [UInt8] {
        var (body, rest) = ([UInt8](), chunks)
        while let end = rest.firstRange(of: Array("\r\n".utf8)) {
            guard let size = Int(String(decoding: rest[..<end.lowerBound], as: UTF8.self), radix: 16), size > 0 else {
                break
            }
            body += rest[end.upperBound...].prefix(size)
            rest = rest[end.upperBound...].dropFirst(size + 2)
        }
        return body
    }
}
