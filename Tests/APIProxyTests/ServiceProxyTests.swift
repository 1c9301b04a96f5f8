import APITestSupport
import EventLoop
import NIOCore
import TestSupport
import Testing

@testable import APIProxy

@Suite("Services by the proxy")
struct ServiceProxyTests {
    private let plain = "/api/v1/namespaces/default/services/plain"

    private func rig(_ backends: FakeBackends) async throws -> Rig {
        try await Rig(of: 1) { $0.services = backends }
    }

    @Test("Path, query and headers arrive, and the pod is told where it stands")
    func passed() async throws {
        let pod = try await ScriptedAPIServer()
        for method in ["GET", "POST", "DELETE"] { pod.on(method, "/a b/../c/d", mirror) }
        let rig = try await rig(FakeBackends(pods: [pod.port]))
        for method in ["GET", "POST", "DELETE"] {
            let answer = try await rig.ask(
                method, plain + ":80/proxy/a%20b/%2e%2e/c%2fd?q=1&r=2",
                [
                    ("X-Mine", "1"), ("Authorization", "Bearer x"), ("X-Forwarded-Prefix", "/evil"),
                    ("Accept-Encoding", "br"), ("Accept", "text/plain"),
                ],
                body: method == "POST" ? "a=b" : nil)
            let lines = answer.body.split(separator: "\n", omittingEmptySubsequences: false)
            #expect(lines.first == "\(method) /a%20b/%2e%2e/c%2fd?q=1&r=2")
            for line in [
                "host: 127.0.0.1:8001", "x-mine: 1", "x-forwarded-for: 127.0.0.1", "accept-encoding: br",
                "x-forwarded-uri: \(plain):80/proxy/a%20b/%2e%2e/c%2fd", "x-forwarded-host: 127.0.0.1:8001",
                "x-forwarded-proto: http", "x-forwarded-prefix: \(plain):80/proxy",
            ] { #expect(lines.contains(Substring(line)), "\(line) in \(answer.body)") }
            #expect(!answer.body.contains("Bearer") && !answer.body.contains("evil"))
            #expect(lines.last ?? "" == (method == "POST" ? "a=b" : ""))
        }
    }

    @Test("Without a slash: 301, for reading only")
    func slash() async throws {
        let pod = try await ScriptedAPIServer()
        pod.on("POST", "/", mirror)
        let rig = try await rig(FakeBackends(pods: [pod.port]))
        let get = try await rig.ask("GET", plain + "/proxy?a=b")
        #expect(get.status == 301 && get.header("location") == plain + "/proxy/?a=b" && get.body.isEmpty)
        let short = try await rig.ask("HEAD", "/services/plain/proxy")
        #expect(short.status == 301 && short.header("location") == "/services/plain/proxy/")
        #expect(try await rig.ask("POST", plain + "/proxy", body: "").body.hasPrefix("POST /\n"))
    }

    @Test("Pods in turn, those that cannot be reached left out")
    func inTurn() async throws {
        var pods: [ScriptedAPIServer] = []
        for number in 0..<3 {
            let pod = try await ScriptedAPIServer()
            pod.on("GET", "/", .answer(200, "\(number)"))
            pods.append(pod)
        }
        let rig = try await rig(FakeBackends(pods: pods.map(\.port)))
        var bodies: [String] = []
        for _ in 0..<6 { bodies.append(try await rig.ask("GET", "/services/plain/proxy/").body) }
        #expect(bodies == ["0", "1", "2", "0", "1", "2"])
        pods[1].close()
        bodies = []
        for _ in 0..<4 { bodies.append(try await rig.ask("GET", "/services/plain/proxy/").body) }
        #expect(bodies == ["0", "2", "0", "2"])
    }

    @Test("A pod that takes a request and says nothing: the next, unless there is harm in asking twice")
    func silentPods() async throws {
        let good = try await ScriptedAPIServer()
        for method in ["GET", "PUT", "POST"] { good.on(method, "/", .answer(200, "good")) }
        let bad = try await UpgradeServer { _ in .bytes([], closes: true) }
        let rig = try await rig(FakeBackends(pods: [bad.port, good.port]))
        #expect(try await rig.ask("GET", "/services/plain/proxy/").body == "good")
        #expect(try await rig.ask("PUT", "/services/plain/proxy/", body: "").body == "good")
        let post = try await rig.ask("POST", "/services/plain/proxy/", body: "")
        #expect(post.status == 503 && post.body.contains("error trying to reach service: EOF"))
    }

    @Test("No pod can be reached: 503 with the last reason")
    func unreachable() async throws {
        let rig = try await rig(FakeBackends(pods: [1]))
        let answer = try await rig.ask("GET", "/services/plain/proxy/")
        #expect(answer.status == 503 && answer.header("content-type") == "application/json")
        #expect(
            answer.body.contains(
                #""message":"error trying to reach service: dial tcp 127.0.0.1:1: connect: connection refused""#))
    }

    @Test(
        "Refusals, in the words of the API server",
        arguments: [
            (ServiceRefusal.noEndpoints, 503, #"no endpoints available for service \"plain\""#),
            (.noPortNamed("x"), 503, #"no endpoints available for service \"plain:x\""#),
            (.noPort(81), 503, #"no service port 81 found for service \"plain\""#),
            (.noService, 404, #"services \"plain\" not found"#), (.unknown("not now"), 503, "not now"),
            (.severalPorts(["http (80)", "9090"]), 400, "there are http (80), 9090"),
        ])
    func refusals(refusal: ServiceRefusal, status: Int, words: String) async throws {
        let rig = try await rig(FakeBackends(refusal: refusal))
        let answer = try await rig.ask("GET", plain + ":x/proxy/")
        #expect(answer.status == status)
        #expect(answer.body.contains(words), "\(answer.body)")
        #expect(answer.body.contains(#""kind":"Status""#) && answer.body.contains(#""code":\#(status)"#))
    }

    @Test("Redirects lead back through the proxy")
    func redirects() async throws {
        let pod = try await ScriptedAPIServer()
        let own = "127.0.0.1:\(pod.port)"
        let cases = [
            ("/login?a", plain + "/proxy/login?a"), ("http://\(own)/x", plain + "/proxy/x"),
            ("http://127.0.0.1:8001/x", plain + "/proxy/x"), ("http://example.com/x", "http://example.com/x"),
            ("up", "up"),
        ]
        let rig = try await rig(FakeBackends(pods: [pod.port]))
        for (number, (location, rewritten)) in cases.enumerated() {
            pod.on("GET", "/\(number)", .answer(302, headers: [("Location", location)]))
            #expect(try await rig.ask("GET", plain + "/proxy/\(number)").header("location") == rewritten)
        }
    }

    @Test("A pod gives pages of others no leave to read")
    func crossOrigin() async throws {
        let pod = try await ScriptedAPIServer()
        let names = ["Origin", "Credentials", "Headers", "Methods"].map { "Access-Control-Allow-\($0)" }
        pod.on(
            "GET", "/",
            .answer(200, "x", headers: names.map { ($0, "*") } + [("Set-Cookie", "a"), ("Set-Cookie", "b")]))
        let answer = try await rig(FakeBackends(pods: [pod.port])).ask("GET", "/services/plain/proxy/")
        #expect(!answer.headers.contains { names.contains($0.name) })
        #expect(answer.headers.filter { $0.name == "Set-Cookie" }.map(\.value) == ["a", "b"])
    }

    @Test("TLS, whoever has signed the certificate", .requires(.tool("openssl")))
    func secure() async throws {
        let pod = try await ScriptedAPIServer(identity: try await Authority.server.value)
        pod.on("GET", "/", .answer(200, "secret"))
        let rig = try await rig(FakeBackends(pods: [pod.port]))
        #expect(try await rig.ask("GET", "/services/https:plain:443/proxy/").body == "secret")
        let open = try await ScriptedAPIServer()
        let mistaken = try await self.rig(FakeBackends(pods: [open.port]))
        let answer = try await mistaken.ask("GET", "/services/https:plain:443/proxy/")
        #expect(answer.status == 503 && answer.body.contains("error trying to reach service: tls: "))
    }

    @Test("Streams both ways: each piece at once, and slow ends hold back")
    func streams() async throws {
        let pod = try await ScriptedAPIServer()
        let feed = WatchFeed()
        pod.on("GET", "/events", .watch(feed))
        pod.on("PUT", "/x") { request, reply in
            let text = "\(request.body.count)"
            try await reply.head(200, framing: .length(text.utf8.count))
            try await reply.write(text)
        }
        let rig = try await self.rig(FakeBackends(pods: [pod.port]))
        let client = try await rig.client()
        try await client.send("GET /services/plain/proxy/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        for number in 0..<10 {
            feed.send("event \(number)")
            #expect(await eventually { client.text.contains("event \(number)\n") })
        }
        client.close()
        #expect(await eventually { pod.openConnections == 0 })
        let body = String(repeating: "x", count: 3 << 20)
        #expect(try await rig.ask("PUT", "/services/plain/proxy/x", body: body).body == "\(3 << 20)")
    }

    @Test("WebSockets, with half-closes")
    func upgraded() async throws {
        let head = Array(
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello ".utf8)
        let pod = try await UpgradeServer { _ in
            .upgrade(head) { channel in
                try channel.syncOptions?.setOption(.allowRemoteHalfClosure, value: true)
                try channel.pipeline.syncOperations.addHandler(EchoToEnd())
            }
        }
        let rig = try await self.rig(FakeBackends(pods: [pod.port]))
        let client = try await rig.client()
        try await client.send(
            "GET /services/plain/proxy/ws HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                + "Sec-WebSocket-Key: x\r\n\r\nearly")
        #expect(await eventually { client.text.hasSuffix("\r\n\r\nhello early") })
        try await client.endOutput()
        #expect(await eventually { client.hasEnded })
        #expect(client.text.hasSuffix("hello early bye"))
        #expect(pod.requests.first?.header("sec-websocket-key") == "x")
        #expect(pod.requests.first?.target == "/ws")
        #expect(await eventually { pod.openConnections == 0 })
    }

    @Test("Pods that lie: no HTTP, a switch that nobody asked for, an answer that breaks off, endless heads")
    func lies() async throws {
        let answers = [
            "nonsense\r\n\r\n", "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
            "HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 1 << 20) + "\r\n\r\n",
        ]
        for text in answers {
            let pod = try await UpgradeServer { _ in .bytes([Array(text.utf8)], closes: true) }
            let rig = try await self.rig(FakeBackends(pods: [pod.port]))
            let answer = try await rig.ask("GET", "/services/plain/proxy/")
            #expect(answer.status == 503, "\(text.prefix(60))")
            #expect(await eventually { pod.openConnections == 0 })
        }
        let pod = try await UpgradeServer { _ in
            .bytes([Array("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf".utf8)], closes: true)
        }
        let rig = try await self.rig(FakeBackends(pods: [pod.port]))
        let client = try await rig.client()
        try await client.send("GET /services/plain/proxy/ HTTP/1.1\r\nHost: localhost\r\n\r\n")
        #expect(await eventually { client.isClosed || client.hasEnded })
        #expect(client.text.hasSuffix("half"))
    }

    @Test("Nothing of it is left open", .requires(.tool("openssl")))
    func descriptors() async throws {
        let pod = try await ScriptedAPIServer()
        pod.on("GET", "/", .answer(200, "x"))
        let backends = FakeBackends(pods: [pod.port, 1])
        let rig = try await rig(backends)
        for _ in 0..<200 { #expect(try await rig.ask("GET", "/services/plain/proxy/").status == 200) }
        for _ in 0..<20 { _ = try await rig.ask("GET", "/services/https:plain:1/proxy/") }
        #expect(await eventually { pod.openConnections == 0 })
        #expect(await eventually { OpenSocket.connected(to: pod.port) == nil })
    }

    @Test("What the filter refuses by the long name it refuses by the short one")
    func oneFilter() async throws {
        let pod = try await ScriptedAPIServer()
        pod.on("GET", "/", .answer(200, "x"))
        for pattern in ["^/api/v1/namespaces/default/services/plain", "^/services/plain"] {
            let rejected = try PatternList(pattern)
            let rig = try await Rig(of: 1) {
                $0.services = FakeBackends(pods: [pod.port])
                $0.filter?.rejectedPaths = rejected
            }
            let isLong = pattern.hasPrefix("^/api")
            #expect(try await rig.ask("GET", "/services/plain/proxy/").status == 403)
            #expect(try await rig.ask("GET", "/services/default/plain/proxy/").status == (isLong ? 403 : 200))
            #expect(try await rig.ask("GET", plain + "/proxy/").status == (isLong ? 403 : 200))
        }
    }

    @Test("Other paths of the API go to the API server")
    func others() async throws {
        let server = try await ScriptedAPIServer()
        server.on("GET", plain, .answer(200, "object"))
        let rig = try await Rig(of: server.port) { $0.services = FakeBackends(refusal: .noService) }
        #expect(try await rig.ask("GET", plain).body == "object")
        #expect(try await rig.ask("GET", plain + "/proxy/").status == 404)
        let left = try await Rig(of: server.port)
        server.on("GET", plain + "/proxy/", .answer(200, "theirs"))
        #expect(try await left.ask("GET", plain + "/proxy/").body == "theirs")
    }
}

/// Sends back what comes, and at its end says goodbye.
final class EchoToEnd: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    func channelRead(context: ChannelHandlerContext, data: NIOAny) { context.writeAndFlush(data, promise: nil) }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard case .inputClosed = event as? ChannelEvent else { return }
        context.writeAndFlush(NIOAny(ByteBuffer(string: " bye")), promise: nil)
        context.close(mode: .output, promise: nil)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) { context.close(promise: nil) }
}
