import APITestSupport
import NIOCore
import TestSupport
import Testing

@testable import APIProxy

@Suite("Streams through the proxy")
struct StreamingTests {
    @Test("Each event of a watch arrives before the next is sent")
    func watch() async throws {
        let server = try await ScriptedAPIServer()
        let feed = WatchFeed()
        server.on("GET", "/watch", .watch(feed))
        let rig = try await Rig(of: server.port)
        let client = try await rig.client()
        try await client.send("GET /watch?watch=1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(await eventually { client.text.contains("\r\n\r\n") })
        for number in 0..<20 {
            feed.send("event \(number)")
            #expect(await eventually { client.text.contains("event \(number)\n") })
        }
        feed.end()
        #expect(await eventually { client.text.hasSuffix("\r\n0\r\n\r\n") })
    }

    @Test("Watches are told at once while others are sent as much as they take")
    func watchBesideFloods() async throws {
        let server = try await ScriptedAPIServer()
        let feed = WatchFeed()
        server.on("GET", "/watch", .watch(feed))
        server.on("GET", "/flood") { _, reply in
            try await reply.head(200)
            let piece = [UInt8](repeating: 0x61, count: 256 << 10)
            while true { try await reply.write(piece) }
        }
        let rig = try await Rig(of: server.port)
        let floods = try await rig.clients(8)
        for flood in floods { try await flood.send("GET /flood HTTP/1.1\r\nHost: localhost\r\n\r\n") }
        let client = try await rig.client()
        try await client.send("GET /watch HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for number in 0..<20 {
            feed.send("event \(number)")
            #expect(await eventually { client.text.contains("event \(number)\n") })
        }
        #expect(await eventually { floods.allSatisfy { $0.bytes.count > 1 << 20 } })
        for flood in floods { flood.close() }
    }

    @Test("A client that goes ends its request at the server, in order or not", arguments: [true, false])
    func clientGoes(inOrder: Bool) async throws {
        let server = try await ScriptedAPIServer()
        let feed = WatchFeed()
        server.on("GET", "/watch", .watch(feed))
        let rig = try await Rig(of: server.port)
        let client = try await rig.client()
        try await client.send("GET /watch HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(await eventually { feed.watches == 1 && server.openConnections == 1 })
        if inOrder { client.close() } else { await client.reset() }
        #expect(await eventually { server.openConnections == 0 })
    }

    @Test("A client that goes before there is an answer ends its request, too")
    func clientGoesEarly() async throws {
        let server = try await ScriptedAPIServer()
        server.on("GET", "/never", .silence)
        let rig = try await Rig(of: server.port)
        let client = try await rig.client()
        try await client.send("GET /never HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(await eventually { server.requests.count == 1 })
        client.close()
        #expect(await eventually { server.openConnections == 0 })
    }

    @Test("A client that reads nothing holds the server back, and gets every byte later")
    func slowReader() async throws {
        let server = try await ScriptedAPIServer()
        let sent = Locked(0)
        let (piece, count) = ([UInt8](repeating: 0x61, count: 64 << 10), 1024)
        server.on("GET", "/large") { _, reply in
            try await reply.head(200, framing: .length(piece.count * count))
            for _ in 0..<count {
                try await reply.write(piece)
                sent.withLock { $0 += piece.count }
            }
        }
        let rig = try await Rig(of: server.port)
        let client = try await rig.client(reads: false, receiveBuffer: 1 << 17)
        try await client.send("GET /large HTTP/1.1\r\nHost: localhost\r\n\r\n")
        // Until nothing has moved for a while.
        var before = -1
        while sent.withLock({ $0 }) != before {
            before = sent.withLock { $0 }
            try await Task.sleep(for: .milliseconds(200))
        }
        #expect(before < 48 << 20)
        try await client.readOn()
        #expect(await eventually(within: .seconds(30)) { client.bytes.count >= piece.count * count })
        #expect(sent.withLock { $0 } == piece.count * count)
    }

    @Test("A body that the server does not read holds the client back")
    func slowServer() async throws {
        let server = try await UpgradeServer { _ in
            .upgrade([]) { try $0.syncOptions?.setOption(.autoRead, value: false) }
        }
        let rig = try await Rig(of: server.port)
        let client = try await rig.client()
        try await client.send("POST /x HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        #expect(await eventually { server.connectionCount == 1 })
        let sent = Locked(0)
        let piece = Array("10000\r\n".utf8) + [UInt8](repeating: 0x61, count: 0x10000) + Array("\r\n".utf8)
        let sending = Task {
            for _ in 0..<4096 {
                try await client.send(piece)
                sent.withLock { $0 += 1 }
            }
        }
        var before = -1
        while sent.withLock({ $0 }) != before {
            before = sent.withLock { $0 }
            try await Task.sleep(for: .milliseconds(200))
        }
        // What has gone is in the kernel's buffers, and not here.
        #expect(before < 2048)
        sending.cancel()
        client.close()
        server.close()
    }

    @Test("A body goes on as it comes, chunked or by length, and arrives whole", arguments: [true, false])
    func bodies(chunked: Bool) async throws {
        let server = try await ScriptedAPIServer()
        let seen = Locked(0)
        server.on("PUT", "/x") { request, reply in
            seen.withLock { $0 = request.body.count }
            try await reply.head(200, framing: .length(0))
        }
        let rig = try await Rig(of: server.port)
        let client = try await rig.client()
        let size = 5 << 20
        let framing = chunked ? "Transfer-Encoding: chunked" : "Content-Length: \(size)"
        try await client.send("PUT /x HTTP/1.1\r\nHost: localhost\r\n\(framing)\r\n\r\n")
        var left = size
        while left > 0 {
            let piece = [UInt8](repeating: 0x62, count: min(left, 100_000))
            let bytes =
                chunked ? Array("\(String(piece.count, radix: 16))\r\n".utf8) + piece + Array("\r\n".utf8) : piece
            try await client.send(bytes)
            left -= piece.count
        }
        if chunked { try await client.send("0\r\n\r\n") }
        #expect(await eventually { client.text.hasPrefix("HTTP/1.1 200 ") })
        #expect(seen.withLock { $0 } == size)
        let request = try #require(server.requests.first)
        #expect(request.header("content-length") == (chunked ? nil : "\(size)"))
    }

    @Test("A client that waits for a word before it sends its body gets it, and the server gets no such header")
    func expects() async throws {
        let server = try await ScriptedAPIServer()
        server.on("POST", "/x", mirror)
        let rig = try await Rig(of: server.port)
        let client = try await rig.client()
        try await client.send(
            "POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\nExpect: 100-continue\r\n\r\n")
        #expect(await eventually { client.text == "HTTP/1.1 100 Continue\r\n\r\n" })
        try await client.send("body")
        #expect(await eventually { client.text.hasSuffix("\n\nbody") })
        #expect(server.requests.first?.header("expect") == nil)
    }

    @Test("A client that breaks off in its body ends its request at the server")
    func brokenBody() async throws {
        let server = try await UpgradeServer { _ in .silence }
        let rig = try await Rig(of: server.port)
        let client = try await rig.client()
        try await client.send("POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\nhalf")
        #expect(await eventually { server.openConnections == 1 })
        client.close()
        #expect(await eventually { server.openConnections == 0 })
    }

    @Test("An answer that breaks off breaks off", arguments: [Reply.Framing.chunked, .length(100)])
    func brokenAnswer(framing: Reply.Framing) async throws {
        let server = try await ScriptedAPIServer()
        server.on("GET", "/x") { _, reply in
            try await reply.head(200, framing: framing)
            try await reply.write("half")
            try await reply.close()
        }
        let rig = try await Rig(of: server.port)
        let client = try await rig.client()
        try await client.send("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(await eventually { client.isClosed || client.hasEnded })
        #expect(!client.text.hasSuffix("0\r\n\r\n"))
    }

    @Test("Two hundred slow clients, and one that is not")
    func manySlow() async throws {
        let server = try await ScriptedAPIServer()
        let feed = WatchFeed()
        server.on("GET", "/watch", .watch(feed))
        server.on("GET", "/quick", .answer(200, "quick"))
        let rig = try await Rig(of: server.port)
        let slow = try await rig.clients(200)
        for (number, client) in slow.enumerated() {
            // Half of a head, a whole one whose answer never ends, or one with a body that does not come.
            switch number % 3 {
            case 0: try await client.send("GET /watch HTTP/1.1\r\nHo")
            case 1: try await client.send("GET /watch HTTP/1.1\r\nHost: localhost\r\n\r\n")
            default: try await client.send("POST /x HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n1")
            }
        }
        #expect(await eventually { feed.watches == 67 })
        for _ in 0..<20 { #expect(try await rig.ask("GET", "/quick").body == "quick") }
        for client in slow { client.close() }
        #expect(await eventually { server.openConnections <= 2 })
    }

    @Test("Its end ends everybody's connections")
    func end() async throws {
        let server = try await ScriptedAPIServer()
        let feed = WatchFeed()
        server.on("GET", "/watch", .watch(feed))
        let rig = try await Rig(of: server.port)
        let clients = try await rig.clients(5)
        for client in clients { try await client.send("GET /watch HTTP/1.1\r\nHost: localhost\r\n\r\n") }
        #expect(await eventually { feed.watches == 5 })
        await rig.end()
        #expect(await eventually { clients.allSatisfy(\.hasEnded) })
        #expect(await eventually { server.openConnections == 0 })
        await #expect(throws: (any Error).self) { try await rig.client() }
    }
}

extension Rig {
    func clients(_ count: Int) async throws -> [RawClient] {
        var clients: [RawClient] = []
        for _ in 0..<count { clients.append(try await client()) }
        return clients
    }
}
