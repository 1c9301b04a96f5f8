import APITestSupport
import Glibc
import NIOCore
import TestSupport
import Testing

@testable import Tunnels

@Suite("Port-forwards of a real API server")
struct RecordingTests {
    static let names = [
        "tunnel-echo", "tunnel-refused", "spdy-echo", "spdy-refused", "kubectl-1.20-echo", "kubectl-1.36-refused",
        "kubectl-1.36-parallel", "kubectl-1.36-pod-closes",
    ]

    @Test("Every frame is read as the recorder read it, of both sides, wherever it is cut", arguments: names)
    func frames(name: String) throws {
        let recording = try Recording.named(name)
        #expect(recording.serverFrames.count > 3)
        for cut in [1, 3, 1000] {
            #expect(try recording.frames(ofClient: true, cut: cut) == recording.clientFrames)
            #expect(try recording.frames(ofClient: false, cut: cut) == recording.serverFrames)
        }
    }

    @Test("An echo and its end", arguments: ["tunnel-echo", "spdy-echo"], [1, 5, 10_000])
    func echo(name: String, cut: Int) async throws {
        let (server, tunnels) = try await replay(name, cut: cut)
        let client = tunnels.connect("nginx1", 7007)
        try await client.send("ping")
        try await client.endSending()
        #expect(try await client.readText() == "ping")
        #expect(client.count == 1)
        #expect(tunnels.problems.isEmpty)
        server.close()
    }

    @Test(
        "A refusal is taken back, although the data stream ends well before the reason comes",
        arguments: ["tunnel-refused", "spdy-refused"], [1, 5, 10_000])
    func refused(name: String, cut: Int) async throws {
        let (server, tunnels) = try await replay(name, cut: cut)
        let client = tunnels.connect("nginx1", 81)
        try await client.send("ping")
        let withdrawal = try #require(await client.withdrawal())
        #expect(withdrawal.0 == ECONNREFUSED)
        #expect(withdrawal.said == Array("ping".utf8) || withdrawal.said.isEmpty)
        #expect(tunnels.problems.count == 1)
        server.close()
    }

    /// A server that says what was recorded as soon as it has heard anything.
    private func replay(_ name: String, cut: Int) async throws -> (UpgradeServer, TestTunnels) {
        let recording = try Recording.named(name)
        let server = try await UpgradeServer { request in
            guard (request.method == "GET") == recording.isWebSocket else {
                return .bytes([Array("HTTP/1.1 400 No\r\nContent-Length: 0\r\n\r\n".utf8)], closes: true)
            }
            return .upgrade(Array(PortForwardServer.head(for: request).utf8)) { channel in
                try channel.pipeline.syncOperations.addHandler(Replay(recording.serverBytes, cut: cut))
            }
        }
        return (server, try TestTunnels(server.port))
    }
}

private final class Replay: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    private let bytes: [UInt8]
    private let cut: Int
    private var hasBegun = false

    init(_ bytes: [UInt8], cut: Int) { (self.bytes, self.cut) = (bytes, cut) }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !hasBegun else { return }
        hasBegun = true
        for start in stride(from: 0, to: bytes.count, by: cut) {
            context.channel.writeAndFlush(
                ByteBuffer(bytes: bytes[start..<min(bytes.count, start + cut)]), promise: nil)
        }
    }
}
