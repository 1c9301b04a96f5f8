import APITestSupport
import Foundation
import TestSupport
import Testing

@testable import KubernetesAPI

@Suite("Requests to an API server", .requires(.tool("openssl")))
struct RequestTests {
    @Test("A request arrives with path, query, token and name, and its answer comes back", arguments: [true, false])
    func exchange(http2: Bool) async throws {
        let server = try await secureServer(offersHTTP2: http2)
        server.on("GET", "/base/api/v1/services", .answer(200, #"{"kind":"ServiceList"}"#))
        let client = try await client(of: server.port, token: "secret") { $0.server.path = "/base" }
        let selector = APIRequest.QueryItem("labelSelector", "a in (b, c),!d&e=ü")
        let answer = try await client.send(APIRequest(.get, "/api/v1/services", query: [selector]))

        #expect(answer.status == 200)
        #expect(answer.header("content-type") == "application/json")
        #expect(try await answer.body.text() == #"{"kind":"ServiceList"}"#)
        let request = try #require(server.requests.first)
        #expect(request.isHTTP2 == http2)
        #expect(request.query == ["labelSelector": "a in (b, c),!d&e=ü"])
        #expect(request.header("authorization") == "Bearer secret")
        #expect(request.header("user-agent")?.hasPrefix("portico/1.2.3 (linux/") == true)
        #expect(request.header("accept") == "application/json")
    }

    @Test("A body is sent with its type", arguments: [true, false])
    func post(http2: Bool) async throws {
        let server = try await secureServer(offersHTTP2: http2)
        server.on("POST", "/api/v1/events", .answer(201))
        let client = try await client(of: server.port)
        var request = APIRequest(.post, "/api/v1/events")
        request.body = Array("{}".utf8)
        request.contentType = "application/json"
        #expect(try await client.send(request).status == 201)
        let received = try #require(server.requests.first)
        #expect(received.body == Array("{}".utf8))
        #expect(received.header("content-type") == "application/json")
        #expect(received.header("content-length") == "2")
    }

    @Test("Over HTTP/2 all requests share one connection")
    func oneConnection() async throws {
        let server = try await secureServer()
        server.on("GET", "/watch", .silence)
        server.on("GET", "/list", .answer(200))
        let client = try await client(of: server.port)
        let watch = Task { try await client.send(APIRequest(.get, "/watch")) }
        #expect(await eventually { server.requests.count == 1 })
        #expect(try await client.send(APIRequest(.get, "/list")).status == 200)
        #expect(server.connectionCount == 1)
        watch.cancel()
    }

    @Test("A request that a server has not looked at, since it closes the connection, is sent on another")
    func goingAway() async throws {
        let server = try await secureServer()
        server.on("GET", "/list", times: 2) { _, reply in
            try await reply.goAway()
            try await reply.untilGone()
        }
        server.on("GET", "/list", .answer(200))
        let client = try await client(of: server.port)
        #expect(try await client.send(APIRequest(.get, "/list")).status == 200)
        #expect(server.connectionCount == 3)
    }

    @Test("A server that closes each connection before it looks at a request is told as one that closes connections")
    func alwaysGoingAway() async throws {
        let server = try await secureServer()
        server.on("GET", "/list") { _, reply in
            try await reply.goAway()
            try await reply.untilGone()
        }
        let client = try await client(of: server.port)
        let error = await #expect(throws: APIError.self) { try await client.send(APIRequest(.get, "/list")) }
        #expect(error == .broken("https://127.0.0.1:\(server.port): the connection was closed without an answer"))
        #expect(server.requests.count == 5)
    }

    @Test("A redirect is an answer like any other, and nobody is asked where it leads")
    func redirect() async throws {
        let (server, other) = (try await secureServer(), try await secureServer())
        server.on("GET", "/api", .answer(307, headers: [("Location", "https://127.0.0.1:\(other.port)/api")]))
        let answer = try await client(of: server.port, token: "secret").send(APIRequest(.get, "/api"))
        #expect(answer.status == 307)
        #expect(other.connectionCount == 0)
    }

    @Test("Over plain HTTP no credentials are sent")
    func plain() async throws {
        let server = try await ScriptedAPIServer()
        server.on("GET", "/api", .answer(200))
        let credentials = TestCredentials(token: "secret", tls: try await trust())
        let client = try await client(of: server.port, secure: false, credentials: credentials)
        #expect(try await client.send(APIRequest(.get, "/api")).status == 200)
        #expect(server.requests.first?.header("authorization") == nil)
    }

    @Test("A refused token is renewed, and what may be asked twice is asked once more")
    func renewed() async throws {
        let server = try await secureServer()
        server.on("GET", "/api", times: 1, .answer(401))
        server.on("GET", "/api", .answer(200))
        let credentials = TestCredentials(token: "old", tls: try await trust())
        credentials.renewWhenRefused(token: "new")
        let client = try await client(of: server.port, credentials: credentials)
        #expect(try await client.send(APIRequest(.get, "/api")).status == 200)
        #expect(server.requests.map { $0.header("authorization") } == ["Bearer old", "Bearer new"])
        #expect(credentials.refusals == 1)
    }

    @Test("A second refusal is the answer")
    func refusedTwice() async throws {
        let server = try await secureServer()
        server.on("GET", "/api", .answer(401))
        let credentials = TestCredentials(token: "old", tls: try await trust())
        credentials.renewWhenRefused(token: "new")
        let client = try await client(of: server.port, credentials: credentials)
        #expect(try await client.send(APIRequest(.get, "/api")).status == 401)
        #expect(server.requests.count == 2)
    }

    @Test("What would be done twice is not repeated, but the refusal is told")
    func postIsNotRepeated() async throws {
        let server = try await secureServer()
        server.on("POST", "/api", .answer(401))
        let credentials = TestCredentials(token: "old", tls: try await trust())
        credentials.renewWhenRefused(token: "new")
        let client = try await client(of: server.port, credentials: credentials)
        #expect(try await client.send(APIRequest(.post, "/api")).status == 401)
        #expect(server.requests.count == 1)
        #expect(credentials.refusals == 1)
    }

    @Test("No thread runs before the first request")
    func noThread() async throws {
        await #expect(processExitsWith: .success) {
            let access = ClusterAccess(
                origin: "a test", server: ServerURL(isSecure: true, host: "127.0.0.1", port: 1))
            let client = try HTTPAPIClient(
                access, credentials: TestCredentials(), version: "1", environment: [:])
            #expect(try networkThreads() == 0)
            _ = try? await client.send(APIRequest(.get, "/api"))
            #expect(try networkThreads() == 1)
        }
    }
}

/// How many threads of event loops this process has.
private func networkThreads() throws -> Int {
    try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").count { task in
        try String(decoding: contents(of: "/proc/self/task/\(task)/comm"), as: UTF8.self).hasPrefix("NIO-")
    }
}
