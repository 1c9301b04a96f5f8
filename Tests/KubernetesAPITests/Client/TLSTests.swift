import APITestSupport
import TestSupport
import Testing

@testable import KubernetesAPI

@Suite("TLS with an API server", .requires(.tool("openssl")))
struct TLSTests {
    private func error(_ client: HTTPAPIClient) async throws -> APIError {
        try await apiError { () throws(APIError) in _ = try await client.send(APIRequest(.get, "/api")) }
    }

    private func server(_ identity: TestAuthority.Pair) async throws -> ScriptedAPIServer {
        let server = try await ScriptedAPIServer(identity: identity)
        server.on("GET", "/api", .answer(200))
        return server
    }

    @Test("A server that the authority has not signed for is refused, and told nothing")
    func unknownAuthority() async throws {
        let server = try await server(try await TestAuthority(name: "somebody else").server())
        let error = try await error(try await client(of: server.port, token: "secret"))
        #expect(
            error
                == .unreachable(
                    "https://127.0.0.1:\(server.port): its certificate is not signed by the kubeconfig's authority "
                        + "(certificate-authority)"))
        #expect(server.requests.isEmpty)
    }

    @Test("An expired certificate is refused, and the day is told")
    func expired() async throws {
        let server = try await server(try await Authority.shared.value.server(days: -1))
        let error = try await error(try await client(of: server.port))
        #expect("\(error)".contains("its certificate has expired on 20"))
        #expect(server.requests.isEmpty)
    }

    @Test(
        "A certificate for another name is refused, and its own names are told", arguments: ["127.0.0.1", "localhost"])
    func otherName(host: String) async throws {
        let server = try await server(
            try await Authority.shared.value.server(["DNS:kubernetes", "IP:10.96.0.1"]))
        let error = try await error(try await client(of: server.port, host: host))
        #expect("\(error)".contains("its certificate is for kubernetes, 10.96.0.1, not for \(host)"), "\(error)")
        #expect(server.requests.isEmpty)
    }

    @Test("The kubeconfig can name what the certificate has to be for", arguments: ["kubernetes", "10.96.0.1"])
    func expectedName(name: String) async throws {
        let server = try await server(
            try await Authority.shared.value.server(["DNS:kubernetes", "IP:10.96.0.1"]))
        let named = try await client(of: server.port) { $0.tlsServerName = name }
        #expect(try await named.send(APIRequest(.get, "/api")).status == 200)
        // The server is still asked for by its own.
        let host = server.requests.first.flatMap { $0.header("host") ?? $0.header(":authority") }
        #expect(host == "127.0.0.1:\(server.port)")
        let wrong = try await client(of: server.port) {
            $0.tlsServerName = name == "kubernetes" ? "other" : "10.96.0.2"
        }
        #expect("\(try await error(wrong))".contains("not for"))
    }

    @Test("Verification can be left out")
    func skipped() async throws {
        let server = try await server(try await TestAuthority(name: "somebody else").server(["DNS:nobody"]))
        let credentials = TestCredentials(tls: TLSMaterial(revision: 1))
        let client = try await client(of: server.port, credentials: credentials) { $0.skipsVerification = true }
        #expect(try await client.send(APIRequest(.get, "/api")).status == 200)
    }

    @Test("A client certificate is shown to a server that wants one", arguments: [true, false])
    func clientCertificate(http2: Bool) async throws {
        let authority = try await Authority.shared.value
        let server = try await ScriptedAPIServer(
            identity: try await Authority.server.value, clients: authority, offersHTTP2: http2)
        server.on("GET", "/api", .answer(200))
        let known = TestCredentials(tls: try await trust(client: try await authority.client("jo")))
        #expect(try await client(of: server.port, credentials: known).send(APIRequest(.get, "/api")).status == 200)

        // The HTTP client keeps the reason to itself if the server chose HTTP/2.
        let reason = http2 ? "the connection was closed without an answer" : "it refused TLS: "
        let strange = TestCredentials(tls: try await trust(client: try await TestAuthority().client("jo")))
        let unknown = try await error(try await client(of: server.port, credentials: strange))
        #expect("\(unknown)".contains(reason), "\(unknown)")
        let none = TestCredentials(tls: try await trust())
        let missing = try await error(try await client(of: server.port, credentials: none))
        #expect("\(missing)".contains(reason), "\(missing)")
    }

    @Test("A certificate that is none is said to be none")
    func malformed() async throws {
        let server = try await server(try await Authority.server.value)
        let broken = TestCredentials(tls: TLSMaterial(revision: 1, authorities: Array("nonsense".utf8)))
        let error = try await error(try await client(of: server.port, credentials: broken))
        guard case .credentials(let text) = error else {
            Issue.record("\(error)")
            return
        }
        #expect(text.contains("authority"))
    }

    @Test(
        "A new client certificate is used at once, and the old connection closes with its last request",
        arguments: [true, false])
    func rotation(http2: Bool) async throws {
        let authority = try await Authority.shared.value
        let server = try await ScriptedAPIServer(
            identity: try await Authority.server.value, clients: authority, offersHTTP2: http2)
        let feed = WatchFeed()
        server.on("GET", "/watch", .watch(feed))
        server.on("GET", "/api", .answer(200))
        let credentials = TestCredentials(tls: try await trust(client: try await authority.client("jo")))
        let client = try await client(of: server.port, credentials: credentials)
        let body = try await client.send(APIRequest(.get, "/watch")).body

        credentials.change(tls: try await trust(revision: 2, client: try await authority.client("jo")))
        #expect(try await client.send(APIRequest(.get, "/api")).status == 200)
        #expect(server.requests.map(\.connection) == [1, 2])
        feed.send("still there")
        #expect(try await body.next() == Array("still there\n".utf8))
        feed.end()
        #expect(try await body.next() == nil)
        _ = consume body
        #expect(await eventually { server.openConnections == 1 })
    }

    @Test("Plain HTTP sent to a TLS port, and TLS to a plain one, are told apart from a server that is down")
    func wrongScheme() async throws {
        let plain = try ScriptedServer(script: [.send("HTTP/1.0 400 Bad Request\r\n\r\n"), .receiveAll])
        #expect(
            try await error(try await client(of: plain.port))
                == .unreachable(
                    "https://127.0.0.1:\(plain.port): it does not speak TLS; if it is meant to, write http://"))
        let secure = try await server(try await Authority.server.value)
        guard case .broken(let text) = try await error(try await client(of: secure.port, secure: false)) else {
            Issue.record("not broken")
            return
        }
        #expect(text.hasPrefix("http://127.0.0.1:\(secure.port): "))
        // A server may close the connection, or say by TLS that it was spoken to without.
        #expect(text.hasSuffix("; if the server speaks TLS, write https://"), "\(text)")
        secure.close()
        let port = secure.port
        #expect(
            await eventually {
                let error = try? await error(try await client(of: port))
                return error == .unreachable("https://127.0.0.1:\(port): connection refused by 127.0.0.1:\(port)")
            })
    }

    @Test("A name that nobody knows is said to be unknown")
    func unknownName() async throws {
        let error = try await error(try await client(of: 1, host: "api.invalid"))
        #expect("\(error)".hasPrefix("https://api.invalid:1: the name api.invalid is not known"), "\(error)")
    }
}
