import APITestSupport
import TestSupport
import Testing

@testable import APIProxy

@Suite("Requests through the proxy")
struct PassingTests {
    @Test("Method, path, query, headers and body go on as they came")
    func passed() async throws {
        let server = try await ScriptedAPIServer()
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
            server.on(method, "/api/v1/a b//c", mirror)
        }
        let rig = try await Rig(of: server.port)
        for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"] {
            let body = ["GET", "OPTIONS"].contains(method) ? nil : "some body"
            let answer = try await rig.ask(
                method, "/api/v1/a%20b%2F/c?x=%2B+&y=1&y=2&z",
                [("X-Mine", "1"), ("X-Mine", "2"), ("Accept-Encoding", "gzip")],
                body: body)
            #expect(answer.status == 200)
            let lines = answer.body.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.first == "\(method) /api/v1/a%20b%2F/c?x=%2B+&y=1&y=2&z")
            #expect(lines.contains("host: 127.0.0.1:\(server.port)"))
            #expect(lines.contains("x-mine: 1") && lines.contains("x-mine: 2"))
            #expect(lines.contains("accept-encoding: gzip"))
            #expect(lines.contains("x-forwarded-for: 127.0.0.1"))
            #expect(!lines.contains { $0.hasPrefix("connection:") || $0.hasPrefix("user-agent:") })
            #expect(lines.last ?? "" == body ?? "")
        }
    }

    @Test("What is between neighbours ends here, in both directions")
    func hopByHop() async throws {
        let server = try await ScriptedAPIServer()
        server.on("GET", "/x") { request, reply in
            let names = request.headers.map(\.name).sorted().joined(separator: " ")
            try await reply.head(
                200,
                [
                    ("Connection", "X-Private"), ("X-Private", "1"), ("Keep-Alive", "timeout=5"), ("X-Public", names),
                    ("Proxy-Authenticate", "Basic"),
                ], framing: .length(0))
        }
        let rig = try await Rig(of: server.port)
        let answer = try await rig.ask(
            "GET", "/x",
            [
                ("X-Forwarded-For", "10.0.0.1"), ("X-Forwarded-For", "10.0.0.2"), ("Keep-Alive", "1"), ("TE", "gzip"),
                ("Proxy-Authorization", "Basic x"), ("Connection", "x-secret"), ("X-Secret", "2"),
                ("Proxy-Connection", "x"),
            ])
        #expect(answer.header("x-public") == "host x-forwarded-for")
        #expect(answer.header("x-private") == nil && answer.header("keep-alive") == nil)
        #expect(answer.header("proxy-authenticate") == nil)
        #expect(server.requests.first?.header("x-forwarded-for") == "10.0.0.1, 10.0.0.2, 127.0.0.1")
    }

    @Test(
        "Credentials of the kubeconfig are added over TLS, unless the client brings its own",
        .requires(.tool("openssl")))
    func credentials() async throws {
        let server = try await ScriptedAPIServer(identity: try await Authority.server.value)
        server.on("GET", "/x", mirror)
        let rig = try await Rig(of: server.port, secure: true)
        #expect(try await rig.ask("GET", "/x").body.contains("authorization: Bearer secret\n"))
        let own = try await rig.ask("GET", "/x", [("Authorization", "Basic eA==")])
        #expect(own.body.contains("authorization: Basic eA==\n") && !own.body.contains("secret"))
        #expect(server.requests.allSatisfy { !$0.isHTTP2 })
    }

    @Test("Redirects and packed answers are handed back as they are")
    func untouched() async throws {
        let server = try await ScriptedAPIServer()
        server.on("GET", "/moved", .answer(302, headers: [("Location", "http://127.0.0.1:\(server.port)/there")]))
        server.on("GET", "/packed", .answer(200, "no gzip at all", headers: [("Content-Encoding", "gzip")]))
        let rig = try await Rig(of: server.port)
        let moved = try await rig.ask("GET", "/moved")
        #expect(moved.status == 302 && moved.header("location") == "http://127.0.0.1:\(server.port)/there")
        let packed = try await rig.ask("GET", "/packed")
        #expect(packed.body == "no gzip at all" && packed.header("content-encoding") == "gzip")
        #expect(packed.header("content-length") == "14")
        #expect(server.requests.count == 2)
    }

    @Test("HEAD, 204 and 304 have no body, and the connection goes on behind them")
    func bodiless() async throws {
        let server = try await ScriptedAPIServer()
        server.on("HEAD", "/x", Script { _, reply in try await reply.head(200, framing: .length(17)) })
        server.on("HEAD", "/y") { _, reply in try await reply.head(200, framing: .chunked) }
        server.on(
            "GET", "/z", Script { _, reply in try await reply.raw(Array("HTTP/1.1 204 No Content\r\n\r\n".utf8)) })
        server.on("GET", "/end", .answer(200, "end"))
        let rig = try await Rig(of: server.port)
        let client = try await rig.client()
        for line in ["HEAD /x", "HEAD /y", "GET /z", "GET /end"] {
            try await client.send("\(line) HTTP/1.1\r\nHost: localhost\r\n\r\n")
        }
        #expect(await eventually { client.text.hasSuffix("\r\n\r\nend") })
        #expect(client.text.components(of: "HTTP/1.1 ") == 4)
        #expect(!client.text.contains("\r\n0\r\n"))
        #expect(client.text.contains("Content-Length: 17"))
    }

    @Test("Requests that come at once are answered in their order")
    func pipelined() async throws {
        let server = try await ScriptedAPIServer()
        for number in 0..<50 {
            server.on("POST", "/\(number)") { request, reply in
                try await Task.sleep(for: .milliseconds(50 - number))
                let text = "<\(number) \(request.body.count)>"
                try await reply.head(200, framing: .length(text.utf8.count))
                try await reply.write(text)
            }
        }
        let rig = try await Rig(of: server.port)
        let client = try await rig.client()
        let all = (0..<50).map {
            "POST /\($0) HTTP/1.1\r\nHost: localhost\r\nContent-Length: \($0)\r\n\r\n"
                + String(repeating: "x", count: $0)
        }
        try await client.send(all.joined())
        #expect(await eventually { client.text.contains("<49 49>") })
        let found = client.text.split(separator: "<").dropFirst().map { $0.prefix { $0 != ">" } }
        #expect(found == (0..<50).map { "\($0) \($0)" })
    }

    @Test("A server that cannot be reached, and one that is not there: 500 with the reason")
    func unreachable() async throws {
        let server = try await ScriptedAPIServer()
        let rig = try await Rig(of: server.port)
        server.close()
        let answer = try await rig.ask("GET", "/x")
        #expect(answer.status == 500)
        #expect(answer.header("content-type") == "text/plain; charset=utf-8")
        #expect(answer.body.contains("127.0.0.1:\(server.port)") && answer.body.contains("refused"))
    }

    @Test("Old clients get an answer that ends with the connection")
    func oldClient() async throws {
        let server = try await ScriptedAPIServer()
        server.on("GET", "/x") { _, reply in
            try await reply.head(200)
            try await reply.write("one ")
            try await reply.write("two")
            try await reply.end()
        }
        let rig = try await Rig(of: server.port)
        let client = try await rig.client()
        try await client.send("GET /x HTTP/1.0\r\nHost: localhost\r\n\r\n")
        #expect(await eventually { client.hasEnded })
        #expect(client.text.hasSuffix("\r\n\r\none two") && !client.text.contains("chunked"))
    }

    @Test("A path in the server's URL is in front of what is asked for")
    func serverPath() async throws {
        let server = try await ScriptedAPIServer()
        server.on("GET", "/base/api", .answer(200, "yes"))
        #expect(try await Rig(of: server.port, path: "/base").ask("GET", "/api").body == "yes")
    }

    @Test("Paths with dots or double slashes: come again; not read by anybody before")
    func cleaned() async throws {
        let server = try await ScriptedAPIServer()
        let rig = try await Rig(of: server.port)
        let get = try await rig.ask("GET", "/api/../x//y/?a=b")
        #expect(get.status == 301 && get.header("location") == "/x/y/?a=b")
        let post = try await rig.ask("POST", "//x", body: "")
        #expect(post.status == 307 && post.header("location") == "/x")
        #expect(server.requests.isEmpty)
    }

    @Test("A prefix for the API")
    func prefix() async throws {
        let server = try await ScriptedAPIServer()
        server.on("GET", "/api", .answer(200, "yes"))
        let rig = try await Rig(of: server.port) { $0.placement = Placement(apiPrefix: "/custom") }
        #expect(try await rig.ask("GET", "/custom/api").body == "yes")
        let outside = try await rig.ask("GET", "/api")
        #expect(outside.status == 404 && outside.body == "404 page not found\n")
        let bare = try await rig.ask("GET", "/custom?x")
        #expect(bare.status == 301 && bare.header("location") == "/custom/?x")
        #expect(try await rig.ask("GET", "/custom/api/v1/namespaces/d/pods/x/exec").status == 403)
    }
}

extension String {
    func components(of text: String) -> Int {
        var (count, rest) = (0, self[...])
        while let range = rest.firstRange(of: text) {
            count += 1
            rest = rest[range.upperBound...]
        }
        return count
    }
}
