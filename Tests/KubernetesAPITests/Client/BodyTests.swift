import APITestSupport
import TestSupport
import Testing

@testable import KubernetesAPI

@Suite("Answers as they come", .requires(.tool("openssl")))
struct BodyTests {
    @Test("The lines of a watch arrive as they are pushed, until it ends", arguments: [true, false])
    func watch(http2: Bool) async throws {
        let server = try await secureServer(offersHTTP2: http2)
        let feed = WatchFeed()
        server.on("GET", "/watch", .watch(feed))
        let body = try await client(of: server.port).send(APIRequest(.get, "/watch")).body
        feed.send("one")
        #expect(try await body.next() == Array("one\n".utf8))
        feed.send("two")
        #expect(try await body.next() == Array("two\n".utf8))
        feed.end()
        #expect(try await body.next() == nil)
        #expect(try await body.next() == nil)
    }

    @Test("Nobody waits longer for an answer than he is ready to", arguments: [true, false])
    func silentBeforeHead(http2: Bool) async throws {
        let server = try await secureServer(offersHTTP2: http2)
        server.on("GET", "/api", .silence)
        let clock = ManualClock()
        let client = try await client(of: server.port, clock: clock)
        let answer = Task {
            try await apiError { () throws(APIError) in _ = try await client.send(patient("/api")) }
        }
        #expect(await eventually { server.requests.count == 1 && clock.sleepers == 1 })
        clock.advance(by: .seconds(30))
        #expect(try await answer.value == .silent("https://127.0.0.1:\(server.port): silent for 30.0 seconds"))
    }

    @Test(
        "A server that falls silent within its answer is given up, and its connection with it",
        arguments: [true, false])
    func silentWithin(http2: Bool) async throws {
        let server = try await secureServer(offersHTTP2: http2)
        let feed = WatchFeed()
        server.on("GET", "/watch", .watch(feed))
        server.on("GET", "/api", .answer(200))
        let clock = ManualClock()
        let client = try await client(of: server.port, clock: clock)
        let body = try await client.send(patient("/watch")).body
        feed.send("one")
        #expect(try await body.next() != nil)
        let isSilent = Locked(false)
        let next = Task {
            let error = try await apiError { () throws(APIError) in _ = try await body.next() }
            isSilent.withLock { $0 = true }
            return error
        }
        #expect(
            await eventually {
                clock.advance(by: .seconds(30))
                return isSilent.withLock { $0 }
            })
        guard case .silent = try await next.value else {
            Issue.record("not silent")
            return
        }
        // What is asked next goes by another connection: this one may lead nowhere.
        #expect(try await client.send(APIRequest(.get, "/api")).status == 200)
        #expect(server.requests.map(\.connection) == [1, 2])
    }

    @Test("An answer that breaks off is not an answer that ends", arguments: [true, false])
    func cut(reset: Bool) async throws {
        for http2 in [true, false] {
            let server = try await secureServer(offersHTTP2: http2)
            server.on("GET", "/api") { _, reply in
                try await reply.head(200)
                try await reply.write("half")
                if reset { await reply.reset() } else { try await reply.close() }
            }
            let body = try await client(of: server.port).send(APIRequest(.get, "/api")).body
            let error = try await apiError { () throws(APIError) in _ = try await body.whole() }
            guard case .broken(let text) = error else {
                Issue.record("\(error)")
                continue
            }
            #expect(text.contains("the answer broke off"))
            #expect(try await apiError { () throws(APIError) in _ = try await body.next() } == error)
        }
    }

    @Test("An answer shorter than it says broke off")
    func wrongLength() async throws {
        let server = try await secureServer(offersHTTP2: false)
        server.on("GET", "/api") { _, reply in
            try await reply.head(200, framing: .length(100))
            try await reply.write("half")
            try await reply.close()
        }
        let body = try await client(of: server.port).send(APIRequest(.get, "/api")).body
        let error = try await apiError { () throws(APIError) in _ = try await body.whole() }
        #expect(error == .broken("https://127.0.0.1:\(server.port): the answer broke off"))
    }

    @Test("Half a head is no answer")
    func halfHead() async throws {
        let server = try await secureServer(offersHTTP2: false)
        server.on("GET", "/api") { _, reply in
            try await reply.raw(Array("HTTP/1.1 200 OK\r\nContent-Ty".utf8))
            try await reply.close()
        }
        let client = try await client(of: server.port)
        let error = try await apiError { () throws(APIError) in _ = try await client.send(APIRequest(.get, "/api")) }
        guard case .broken = error else {
            Issue.record("\(error)")
            return
        }
    }

    @Test(
        "A head without end is refused before it fills the memory",
        arguments: ["HTTP/1.1 200 OK\r\nX: ", "HTTP/1.1 200 ", "HTTP/1.1 200 OK\r\n"])
    func endlessHead(start: String) async throws {
        let server = try await secureServer(offersHTTP2: false)
        let written = Locked(0)
        server.on("GET", "/api") { _, reply in
            try await reply.raw(Array(start.utf8))
            let lines = start.hasSuffix("\r\n")
            let piece = Array(String(repeating: lines ? "A: b\r\n" : "aaaaaa", count: 10_000).utf8)
            while written.withLock({ $0 }) < 64 << 20 {
                try await reply.raw(piece)
                written.withLock { $0 += piece.count }
            }
        }
        let client = try await client(of: server.port)
        let error = try await apiError { () throws(APIError) in _ = try await client.send(APIRequest(.get, "/api")) }
        guard case .tooLarge = error else {
            Issue.record("\(error)")
            return
        }
    }

    @Test("A chunk that never begins is refused before it fills the memory")
    func endlessChunkHead() async throws {
        let server = try await secureServer(offersHTTP2: false)
        server.on("GET", "/api") { _, reply in
            try await reply.head(200)
            try await reply.raw(Array("1;".utf8))
            while true { try await reply.raw([UInt8](repeating: UInt8(ascii: "a"), count: 64 << 10)) }
        }
        let body = try await client(of: server.port).send(APIRequest(.get, "/api")).body
        let error = try await apiError { () throws(APIError) in _ = try await body.whole() }
        guard case .tooLarge = error else {
            Issue.record("\(error)")
            return
        }
    }

    @Test("A server is held back while nobody reads", arguments: [true, false])
    func backPressure(http2: Bool) async throws {
        let server = try await secureServer(offersHTTP2: http2)
        let written = Locked(0)
        let total = 100 << 20
        server.on("GET", "/api") { _, reply in
            let piece = [UInt8](repeating: UInt8(ascii: "x"), count: 1 << 20)
            try await reply.head(200)
            while written.withLock({ $0 }) < total {
                try await reply.write(piece)
                written.withLock { $0 += piece.count }
            }
            try await reply.end()
        }
        let body = try await client(of: server.port).send(APIRequest(.get, "/api")).body
        // More than buffers of sockets and windows of HTTP/2 hold. That it goes on to the end would show within a moment.
        #expect(await eventually(within: .seconds(1)) { written.withLock { $0 } > 40 << 20 } == false)
        var count = 0
        while count < total / 2, let piece = try await body.next() { count += piece.count }
        #expect(count >= total / 2)
    }

    @Test("A cancelled task ends its request, before the answer and within it", arguments: [true, false])
    func cancelled(http2: Bool) async throws {
        let server = try await secureServer(offersHTTP2: http2)
        let ended = Locked(0)
        server.on("GET", "/silent") { _, reply in
            try? await reply.untilGone()
            ended.withLock { $0 += 1 }
        }
        server.on("GET", "/watch") { _, reply in
            try await reply.head(200)
            try await reply.write("one")
            try? await reply.untilGone()
            ended.withLock { $0 += 1 }
        }
        let client = try await client(of: server.port)
        let before = Task {
            try await apiError { () throws(APIError) in _ = try await client.send(APIRequest(.get, "/silent")) }
        }
        #expect(await eventually { server.requests.count == 1 })
        before.cancel()
        #expect(try await before.value == .cancelled)
        #expect(await eventually { ended.withLock { $0 } == 1 })

        let body = try await client.send(APIRequest(.get, "/watch")).body
        #expect(try await body.next() == Array("one".utf8))
        let within = Task { try await apiError { () throws(APIError) in _ = try await body.next() } }
        within.cancel()
        #expect(try await within.value == .cancelled)
        #expect(await eventually { ended.withLock { $0 } == 2 })
    }

    @Test("An answer that nobody wants any more ends its request")
    func dropped() async throws {
        let server = try await secureServer(offersHTTP2: false)
        let feed = WatchFeed()
        server.on("GET", "/watch", .watch(feed))
        let client = try await client(of: server.port)
        do { _ = try await client.send(APIRequest(.get, "/watch")) }
        #expect(await eventually { server.openConnections == 0 })
    }

    @Test("A compressed answer is read", .requires(.tool("gzip")), arguments: [true, false])
    func compressed(http2: Bool) async throws {
        let text = (0..<10_000).map { #"{"kind":"Service","metadata":{"name":"web-\#($0)"}},"# }.joined()
        let (server, bytes) = (try await secureServer(offersHTTP2: http2), try await gzipped(text))
        server.on("GET", "/list") { request, reply in
            #expect(request.header("accept-encoding") == "gzip")
            try await reply.head(200, [("Content-Encoding", "gzip")])
            try await reply.write(bytes)
            try await reply.end()
        }
        server.on("GET", "/watch") { request, reply in
            #expect(request.header("accept-encoding") == "identity")
            try await reply.head(200, framing: .length(0))
            try await reply.end()
        }
        let client = try await client(of: server.port)
        #expect(try await client.send(APIRequest(.get, "/list")).body.text() == text)
        let watch = APIRequest(.get, "/watch", query: [.init("watch", "true")])
        #expect(try await client.send(watch).body.text().isEmpty)
    }

    @Test("An answer that was compressed to fill the memory is refused", .requires(.tool("gzip")))
    func bomb() async throws {
        let (server, bytes) = (
            try await secureServer(), try await gzipped(String(repeating: " ", count: 8 << 20))
        )
        server.on("GET", "/list") { _, reply in
            try await reply.head(200, [("Content-Encoding", "gzip")])
            try await reply.write(bytes)
            try await reply.end()
        }
        let body = try await client(of: server.port).send(APIRequest(.get, "/list")).body
        let error = try await apiError { () throws(APIError) in _ = try await body.whole() }
        guard case .tooLarge = error else {
            Issue.record("\(error)")
            return
        }
    }
}

/// A request that waits for half a minute.
private func patient(_ path: String) -> APIRequest {
    var request = APIRequest(.get, path)
    request.patience = .seconds(30)
    return request
}

private func gzipped(_ text: String) async throws -> [UInt8] {
    let folder = try TemporaryDirectory()
    let child = try ChildProcess(try #require(findProgram("gzip")), [try folder.write(text, to: "text")])
    #expect(try await child.finished().status == 0)
    return try contents(of: folder.file("text.gz"))
}
