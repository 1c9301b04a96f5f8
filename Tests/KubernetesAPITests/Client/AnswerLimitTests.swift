import APITestSupport
import TestSupport
import Testing

@testable import KubernetesAPI

@Suite("Answers that no server should give", .requires(.tool("openssl")))
struct AnswerLimitTests {
    private func error(_ client: HTTPAPIClient) async throws -> APIError {
        try await apiError { () throws(APIError) in
            _ = try await client.send(APIRequest(.get, "/api")).body.whole()
        }
    }

    @Test("A number that is no status breaks the answer, and nothing else", arguments: ["000", "020", "099"])
    func status(text: String) async throws {
        let server = try await secureServer(offersHTTP2: false)
        server.on("GET", "/api", times: 1) { _, reply in
            try await reply.raw(Array("HTTP/1.1 \(text) No\r\nContent-Length: 2\r\n\r\nno".utf8))
        }
        server.on("GET", "/api", .answer(200))
        let client = try await client(of: server.port)
        let place = "https://127.0.0.1:\(server.port)"
        #expect(
            try await error(client)
                == .broken("\(place): it answers with \"\(Int(text) ?? -1)\" for a status, which is none"))
        #expect(try await client.send(APIRequest(.get, "/api")).status == 200)
    }

    @Test("Nor is it one in HTTP/2", arguments: ["", "-1", "20", "000", "099", "+20", "2000", "0x9", "\u{1B}[2J"])
    func statusOfStream(text: String) async throws {
        let answers = Locked(0)
        let server = try await FrameServer(identity: try await Authority.server.value) { stream, reply in
            let status = answers.withLock { answers in
                answers += 1
                return answers == 1 ? text : "200"
            }
            try await reply.send(FrameServer.head(status, stream: stream))
            try await reply.send(FrameServer.frame(0, flags: 1, stream: stream, Array("no".utf8)))
        }
        let client = try await client(of: server.port)
        guard case .broken(let words) = try await error(client) else {
            Issue.record("not broken")
            return
        }
        #expect(!words.contains("\u{1B}"))
        #expect(await eventually { (try? await client.send(APIRequest(.get, "/api")))?.status == 200 })
    }

    enum Flood: String, CaseIterable {
        case ping, settings, reset, emptyData, continuation, priority, garbage

        func bytes(_ stream: UInt32) -> [UInt8] {
            switch self {
            case .ping: FrameServer.frame(6, [UInt8](repeating: 7, count: 8))
            case .settings: FrameServer.frame(4)
            case .reset: FrameServer.frame(3, stream: stream, [0, 0, 0, 8])
            case .emptyData: FrameServer.frame(0, stream: stream)
            case .continuation: FrameServer.frame(9, stream: stream)
            case .priority: FrameServer.frame(2, stream: stream, [0, 0, 0, 0, 1])
            case .garbage: [UInt8](repeating: 0xFF, count: 9)
            }
        }
    }

    @Test("Who floods a client is cut off, and the next request goes by another connection", arguments: Flood.allCases)
    func flood(kind: Flood) async throws {
        let written = Locked(0)
        let isCut = Locked(false)
        let server = try await FrameServer(identity: try await Authority.server.value) { stream, reply in
            if isCut.withLock({ $0 }) { return try await reply.send(FrameServer.head("200", flags: 5, stream: stream)) }
            // A header block that does not end, for what goes on with one.
            try await reply.send(FrameServer.head("200", flags: kind == .continuation ? 0 : 4, stream: stream))
            let one = kind.bytes(stream)
            let block = [[UInt8]](repeating: one, count: (64 << 10) / one.count).flatMap(\.self)
            defer { isCut.withLock { $0 = true } }
            while written.withLock({ $0 }) < 256 << 20 {
                try await reply.send(block)
                written.withLock { $0 += block.count }
            }
        }
        let client = try await client(of: server.port)
        guard case .broken = try await error(client) else {
            Issue.record("not broken")
            return
        }
        #expect(await eventually { isCut.withLock { $0 } })
        #expect(written.withLock { $0 } < 64 << 20)
        // What has ended may be heard of a moment later by who chooses the connection.
        #expect(await eventually { (try? await client.send(APIRequest(.get, "/api")))?.status == 200 })
    }
}
