import APITestSupport
import TestSupport
import Testing

@testable import KubernetesAPI

@Suite("API servers behind proxies", .requires(.tool("openssl")))
struct ProxyTests {
    /// A server that is for a name and an address that only a proxy can know.
    private func hiddenServer(
        _ names: [String] = ["DNS:api.invalid", "IP:10.11.12.13"]
    ) async throws -> ScriptedAPIServer {
        let server = try await ScriptedAPIServer(identity: try await Authority.shared.value.server(names))
        server.on("GET", "/api", .answer(200, "hello"))
        return server
    }

    private func client(
        _ scheme: ProxyURL.Scheme, _ proxy: ScriptedProxy, host: String = "api.invalid", user: String? = nil,
        password: String? = nil
    ) async throws -> HTTPAPIClient {
        try await KubernetesAPITests.client(of: 6443, host: host, token: "secret") { access in
            var url = ProxyURL(scheme, host: scheme == .https ? "localhost" : "127.0.0.1", port: proxy.port)
            (url.user, url.password) = (user, password)
            access.proxy = url
        }
    }

    private func error(_ client: HTTPAPIClient) async throws -> APIError {
        try await apiError { () throws(APIError) in _ = try await client.send(APIRequest(.get, "/api")) }
    }

    @Test("A server is reached by an HTTP proxy, by name and by address", arguments: ["api.invalid", "10.11.12.13"])
    func http(host: String) async throws {
        let server = try await hiddenServer()
        let proxy = try await ScriptedProxy(.http, target: server.port)
        let client = try await client(.http, proxy, host: host)
        #expect(try await client.send(APIRequest(.get, "/api")).body.text() == "hello")
        #expect(try await client.send(APIRequest(.get, "/api")).body.text() == "hello")
        #expect(proxy.requests == ["CONNECT \(host):6443 HTTP/1.1\r\nHost: \(host):6443\r\n\r\n"])
        #expect(server.requests.map { $0.header("host") } == ["\(host):6443", "\(host):6443"])
        #expect(server.requests.first?.header("authorization") == "Bearer secret")
    }

    @Test("The proxy gets its login and never the cluster's")
    func login() async throws {
        let server = try await hiddenServer()
        let proxy = try await ScriptedProxy(.http, login: "jo:pass", target: server.port)
        let client = try await client(.http, proxy, user: "jo", password: "pass")
        #expect(try await client.send(APIRequest(.get, "/api")).status == 200)
        #expect(proxy.requests.allSatisfy { !$0.contains("secret") })
        #expect(server.requests.first?.header("proxy-authorization") == nil)
    }

    @Test("A proxy of which TLS is spoken first")
    func https() async throws {
        let server = try await hiddenServer()
        let proxy = try await ScriptedProxy(
            .http, identity: try await Authority.server.value, login: "jo:pass", target: server.port)
        let client = try await client(.https, proxy, user: "jo", password: "pass")
        #expect(try await client.send(APIRequest(.get, "/api")).body.text() == "hello")
    }

    @Test("A proxy of which the certificate is wrong is told nothing")
    func httpsRefused() async throws {
        let server = try await hiddenServer()
        let proxy = try await ScriptedProxy(
            .http, identity: try await TestAuthority().server(), login: "jo:pass", target: server.port)
        let error = try await error(try await client(.https, proxy, user: "jo", password: "pass"))
        #expect(
            error
                == .unreachable(
                    "https://api.invalid:6443, by the proxy localhost:\(proxy.port): TLS with the proxy: its certificate "
                        + "is not to be trusted"))
        #expect(proxy.requests.isEmpty)
    }

    @Test("A server is reached by a SOCKS5 proxy, with a login and without", arguments: [nil, "jo:pass"])
    func socks(login: String?) async throws {
        let server = try await hiddenServer()
        let proxy = try await ScriptedProxy(.socks5, login: login, target: server.port)
        let parts = login?.split(separator: ":").map(String.init)
        let client = try await client(.socks5, proxy, user: parts?[0], password: parts?[1])
        #expect(try await client.send(APIRequest(.get, "/api")).body.text() == "hello")
        #expect(proxy.requests == [(login.map { "\($0) " } ?? "") + "api.invalid:6443"])
    }

    @Test("Behind a proxy the certificate has to be for the server, whatever the proxy's address is")
    func identity() async throws {
        let server = try await hiddenServer(["DNS:api.invalid", "IP:127.0.0.1"])
        let proxy = try await ScriptedProxy(.http, target: server.port)
        let error = try await error(try await client(.http, proxy, host: "10.11.12.13"))
        #expect("\(error)".contains("its certificate is for api.invalid, 127.0.0.1, not for 10.11.12.13"), "\(error)")
        #expect(server.requests.isEmpty)
    }

    @Test("What a proxy says against it is told")
    func refused() async throws {
        func check(_ scheme: ProxyURL.Scheme, _ port: UInt16, _ text: String) async throws {
            let client = try await KubernetesAPITests.client(of: 6443, host: "api.invalid") { access in
                access.proxy = ProxyURL(scheme, host: "127.0.0.1", port: port)
            }
            let place = "https://api.invalid:6443, by the proxy 127.0.0.1:\(port)"
            #expect(try await error(client) == .unreachable("\(place): \(text)"))
        }
        let closed = try await ScriptedProxy(.http, target: nil)
        try await check(.http, closed.port, "the proxy refused: 403 Forbidden")
        let strict = try await ScriptedProxy(.http, login: "jo:pass", target: 1)
        try await check(
            .http, strict.port, "the proxy wants a user and password, or others; write them into its URL")
        let socks = try await ScriptedProxy(.socks5, target: nil)
        try await check(.socks5, socks.port, "the proxy refused: not allowed by its rules")
        // A web server that is no proxy, or does not even speak of one.
        let web = try await ScriptedAPIServer()
        try await check(.http, web.port, "the proxy refused: 404 Not Found")
        try await check(.socks5, web.port, "the connection was closed before the server was reached")
        let port = try RefusingPort(on: "127.0.0.1")
        try await check(.http, port.port, "connection refused by 127.0.0.1:\(port.port)")
    }

    @Test("A client whose requests failed goes on as if they had not")
    func recovers() async throws {
        let server = try await hiddenServer()
        let proxy = try await ScriptedProxy(.http, target: server.port)
        let wrong = try await client(.http, proxy, host: "10.0.0.1")
        for _ in 0..<5 { _ = try await error(wrong) }
        let right = try await client(.http, proxy)
        #expect(try await right.send(APIRequest(.get, "/api")).status == 200)
        #expect(await eventually { server.openConnections == 1 })
    }

    @Test("The variables name the proxy where the kubeconfig has none")
    func environment() async throws {
        let server = try await hiddenServer()
        let proxy = try await ScriptedProxy(.http, target: server.port)
        let client = try await KubernetesAPITests.client(
            of: 6443, host: "api.invalid", environment: ["https_proxy": "127.0.0.1:\(proxy.port)"])
        #expect(try await client.send(APIRequest(.get, "/api")).status == 200)
    }
}
